// The page's beginning: who is signed in, and which view is looked at.

import { get } from "./api.js";
import * as conversations from "./conversations.js";
import { byId, complain, errorNotice, isStop, show } from "./dom.js";
import * as jobs from "./jobs.js";
import * as playground from "./playground.js";
import * as requests from "./requests.js";
import * as responses from "./responses.js";
import { canBeSent, facts, forget, isSignedIn, keep, signOut, takeMessage } from "./session.js";
import * as usage from "./usage.js";

const VIEWS = { playground, responses, conversations, jobs, requests, usage };
const TITLE = document.title;

let looking = new AbortController();

byId("sign-in-form").addEventListener("submit", (event) => {
  event.preventDefault();
  signIn();
});
byId("sign-out").addEventListener("click", () => signOut());
byId("try-again").addEventListener("click", () => open());
byId("skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address names the view
  (isSignedIn() ? byId("main") : byId("key")).focus();
});
window.addEventListener("hashchange", () => route(true));
window.addEventListener("unhandledrejection", ({ reason }) => {
  if (!isStop(reason)) complain(reason ?? new Error("Something went wrong in this page."));
});

if (isSignedIn()) open();
else askForKey(takeMessage());

// `isKept`: the key of this tab may be good still, and is tried again without being pasted.
function askForKey(message, { isWrong = false, isKept = false } = {}) {
  show(byId("console"), false);
  show(byId("sign-in"));
  const box = byId("sign-in-message");
  show(box, Boolean(message));
  box.textContent = message;
  if (isWrong) byId("key").setAttribute("aria-invalid", "true");
  else byId("key").removeAttribute("aria-invalid");
  show(byId("try-again"), isKept);
  byId(isKept ? "try-again" : "key").focus();
}

async function signIn() {
  const key = byId("key").value.trim();
  const contentKey = byId("content-key").value;
  if (!canBeSent(key)) {
    askForKey(key ? "A key has letters, digits and signs only." : "Paste a key.", { isWrong: true });
    return;
  }
  if (contentKey && !canBeSent(contentKey.replaceAll(" ", ""))) {
    askForKey("An encryption key or passphrase is sent in a header, which takes ASCII only.");
    return;
  }
  keep(key, contentKey && { header: byId("content-key-kind").value, value: contentKey });
  byId("sign-in-button").disabled = true;
  await open({ isNew: true });
  byId("sign-in-button").disabled = false;
}

// A key that is none ends in a page that asks again (api.js); another fault is said here. Only a
// key that has just been pasted is forgotten for it: the field has it still.
async function open({ isNew = false } = {}) {
  try {
    Object.assign(facts, await get("console/api/session"));
  } catch (error) {
    if (isStop(error)) return;
    if (isNew) forget();
    askForKey(error.message, { isKept: !isNew });
    return;
  }
  const isByUser = !byId("sign-in").hidden;
  byId("sign-in-form").reset();
  byId("who").textContent = `${facts.account} · ${facts.key_id}`;
  document.body.toggleAttribute("data-read-only", facts.read_only);
  show(byId("sign-in"), false);
  show(byId("console"));
  await route(isByUser);
}

// The address says what is looked at: #/view/what?more.
async function route(isByUser) {
  if (!isSignedIn()) return;
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [name, ...rest] = path.split("/");
  const chosen = Object.hasOwn(VIEWS, name) ? name : "playground";
  looking.abort();
  looking = new AbortController();
  for (const each of Object.keys(VIEWS)) show(byId(`view-${each}`), each === chosen);
  for (const link of document.querySelectorAll("[data-view]")) {
    if (link.dataset.view === chosen) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  showLink(chosen);
  const heading = byId(`title-${chosen}`);
  const thing = decoded(rest.join("/"));
  document.title = [thing, heading.textContent, TITLE].filter(Boolean).join(" · ");
  if (isByUser) {
    window.scrollTo(0, 0);
    heading.focus({ preventScroll: true });
  }
  const { signal } = looking;
  byId(`view-${chosen}`).querySelector(":scope > .notice.error")?.remove();
  try {
    await VIEWS[chosen].view(thing, new URLSearchParams(query), signal);
  } catch (error) {
    if (!isStop(error)) byId(`view-${chosen}`).append(errorNotice(error));
  }
}

// On a phone the links are a row that is longer than the page is wide.
function showLink(view) {
  const link = document.querySelector(`[data-view="${view}"]`);
  const row = link.closest("ul");
  row.scrollLeft = link.offsetLeft - (row.clientWidth - link.offsetWidth) / 2;
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
