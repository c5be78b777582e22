// The playground: one request after another, each answered as it comes.

import { ApiError, call, events, follow, get } from "./api.js";
import { byId, copy, errorNotice, fill, h, isStop, show } from "./dom.js";
import { FormFault, compose, fillFrom } from "./compose.js";
import { EXAMPLE_SCHEMA, EXAMPLE_TOOLS } from "./examples.js";
import { count, metadata, responseLink, status } from "./format.js";
import { images, readPictures } from "./pictures.js";
import { facts } from "./session.js";
import { LANGUAGES } from "./snippets.js";
import { StreamView } from "./stream_view.js";
import { callAnswers } from "./call_answers.js";
import { itemView } from "./items.js";

let running = null;
let language = "curl";
let isSetUp = false;
let sent = null;

export async function view(_rest, query) {
  if (!isSetUp) await setUp();
  if (query.get("from")) await continueFrom(query.get("from"));
  if (query.get("conversation")) byId("continues").value = query.get("conversation");
  drawCode();
}

async function setUp() {
  isSetUp = true;
  const form = byId("ask");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  form.addEventListener("input", drawCode);
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !running) send();
  });
  byId("stop").addEventListener("click", () => running?.stop());
  byId("begin-anew").addEventListener("click", beginAnew);
  byId("tools-example").addEventListener("click", () => putIn("tools", EXAMPLE_TOOLS));
  byId("schema-example").addEventListener("click", () => putIn("schema", EXAMPLE_SCHEMA));
  byId("copy-code").addEventListener("click", () => copy(byId("code").textContent));
  for (const button of document.querySelectorAll("[data-language]")) {
    button.addEventListener("click", () => chooseLanguage(button));
  }
  readPictures(drawCode);
  forbidWhatTheKeyMayNot();
  await offerModels();
}

function forbidWhatTheKeyMayNot() {
  byId("send").disabled = facts.read_only;
  if (facts.read_only) byId("answer-state").textContent = "This key may only read: it asks no model.";
  byId("background").disabled = !facts.background;
  byId("store").disabled = !facts.store;
  byId("store").checked = facts.store;
}

async function offerModels() {
  const { data } = await get("v1/models");
  fill(byId("models"), data.map(({ id }) => h("option", { value: id })));
  if (!byId("model").value && data.length) byId("model").value = data[0].id;
}

function putIn(id, example) {
  byId(id).value = JSON.stringify(example, null, 2);
  drawCode();
}

async function continueFrom(id) {
  try {
    const response = await get(`v1/responses/${encodeURIComponent(id)}`);
    fillFrom(response);
    byId("answer-state").textContent = `Goes on with ${id}.`;
    byId("prompt").focus();
  } catch (error) {
    if (!isStop(error)) fail(error);
  }
}

function chooseLanguage(chosen) {
  language = chosen.dataset.language;
  for (const button of document.querySelectorAll("[data-language]")) {
    button.setAttribute("aria-pressed", String(button === chosen));
  }
  drawCode();
}

function drawCode() {
  try {
    write(compose({ images: images() }));
  } catch (error) {
    if (error.field === "prompt" && sent) write(sent);
    else byId("code").textContent = `The request is not whole yet: ${error.message}`;
  }
}

function write(request) {
  byId("code").textContent = LANGUAGES[language](request);
}

function forgive() {
  show(byId("ask-error"), false);
  for (const field of document.querySelectorAll("#ask [aria-invalid]")) {
    field.removeAttribute("aria-invalid");
    field.removeAttribute("aria-errormessage");
  }
}

function fail(error) {
  const box = byId("ask-error");
  fill(box, error.message);
  show(box);
  const field = error.field && byId(error.field);
  if (!field) return;
  field.setAttribute("aria-invalid", "true");
  field.setAttribute("aria-errormessage", "ask-error");
  field.closest("details")?.setAttribute("open", "");
  field.focus();
}

async function send(outputs) {
  let request;
  forgive();
  try {
    request = compose({ images: images(), outputs });
  } catch (error) {
    if (!(error instanceof FormFault)) throw error;
    fail(error);
    return;
  }
  sent = request;
  const stream = new StreamView();
  const foot = h("footer", {});
  const turn = h("article", { class: "turn" }, promptView(request), stream.node, foot);
  byId("turns").append(turn);
  turn.scrollIntoView({ block: "nearest" });
  await run(request, stream, foot);
}

function promptView({ input }) {
  const items = typeof input === "string" ? [{ type: "message", role: "user", content: input }] : input;
  return h("div", { class: "items" }, items.map((item) => itemView(item)));
}

async function run(request, stream, foot) {
  const abort = new AbortController();
  running = { stop: () => abort.abort() };
  busy(true);
  state("Answering …");
  try {
    const response = request.background
      ? await runInBackground(request, stream, abort)
      : await stream.read(events("POST", "v1/responses", { body: request, signal: abort.signal }));
    ended(response, request, stream, foot);
  } catch (error) {
    stream.end();
    failed(error, foot, abort.signal.aborted);
  } finally {
    running = null;
    busy(false);
  }
}

function failed(error, foot, isOurs) {
  if (isOurs) {
    state("Stopped.");
    fill(foot, h("p", { class: "hint" }, "Stopped."));
  } else if (!isStop(error)) {
    state(error instanceof ApiError ? "The request was refused." : "No answer came, or not the whole of it.");
    fill(foot, errorNotice(error));
  }
  foot.scrollIntoView({ block: "nearest" });
}

// Stopping one means to cancel it: else it would go on by itself.
async function runInBackground(request, stream, abort) {
  const queued = await call("POST", "v1/responses", { body: request, signal: abort.signal });
  state(`${queued.id} is queued.`);
  abort.signal.addEventListener("abort", () => call("POST", `v1/responses/${queued.id}/cancel`).catch(() => {}));
  return stream.read(follow(queued.id, abort.signal));
}

function ended(response, request, stream, foot) {
  if (!response) throw new Error("The answer ended before it had begun.");
  const { id, usage, error, incomplete_details: incomplete } = response;
  const isStored = request.store !== false;
  state(`The answer is ${response.status}.`);
  fill(
    foot,
    h("div", { class: "meta" },
      status(response.status),
      isStored ? responseLink(id) : h("span", { class: "hint" }, "not stored"),
      usage && h("span", {}, `${count(usage.input_tokens)} tokens in, ${count(usage.output_tokens)} out`),
      incomplete && h("span", {}, `because of ${incomplete.reason}`)),
    metadata(response.metadata),
    error && h("p", { class: "notice error" }, `${error.code}: ${error.message}`),
  );
  if (isStored && !request.conversation) byId("continues").value = id;
  byId("prompt").value = "";
  images.clear();
  const answers = callAnswers(response.output ?? [], send);
  if (answers) foot.append(answers);
  drawCode();
}

function busy(isBusy) {
  const stop = byId("stop");
  const isLost = document.activeElement === stop || document.activeElement === document.body;
  byId("send").disabled = isBusy || facts.read_only;
  stop.disabled = !isBusy;
  if (isLost && !isBusy) byId("prompt").focus({ preventScroll: true });
}

function state(words) {
  byId("answer-state").textContent = words;
}

function beginAnew() {
  running?.stop();
  fill(byId("turns"));
  byId("ask").reset();
  images.clear();
  sent = null;
  forgive();
  state("Nothing has been sent yet.");
  offerModels().then(drawCode);
  byId("prompt").focus();
}
