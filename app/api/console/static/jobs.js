// What waits or runs, live: asked for again every few seconds while somebody looks.

import { call, follow, get, pause } from "./api.js";
import { byId, complain, confirmed, errorNotice, fill, h, isStop, show, table, toast } from "./dom.js";
import { responseLink, since, status, time } from "./format.js";
import { snippet } from "./snippet_cell.js";
import { StreamView } from "./stream_view.js";

const EVERY_MS = 2500;

let following = null;
let isSetUp = false;
let drawn = "";

// Runs until `signal` says that another view is looked at.
export async function view(_rest, _query, signal) {
  if (!isSetUp) {
    isSetUp = true;
    byId("job-leave").addEventListener("click", leave);
  }
  drawn = "";
  for (;;) {
    if (!document.hidden) await look(signal);
    try {
      await pause(EVERY_MS, signal);
    } catch {
      return;
    }
  }
}

async function look(signal) {
  try {
    const { data } = await get("console/api/jobs", {}, signal);
    say(data);
    draw(data);
  } catch (error) {
    if (isStop(error)) return;
    drawn = "";
    fill(byId("jobs-list"), errorNotice(error));
  }
}

// A region that is read aloud is touched only when its words change.
function say(jobs) {
  const waiting = jobs.filter((job) => job.status === "queued").length;
  const words = jobs.length ? `${jobs.length - waiting} running, ${waiting} waiting.` : "Nothing waits or runs.";
  const box = byId("jobs-state");
  if (box.textContent !== words) box.textContent = words;
}

// The table is left as it is while nothing changes but the time, or whose button has the focus
// would lose it.
function draw(jobs) {
  const now = JSON.stringify(jobs);
  if (now === drawn) {
    for (const cell of byId("jobs-list").querySelectorAll("[data-since]")) cell.textContent = since(Number(cell.dataset.since));
    return;
  }
  drawn = now;
  const focused = document.activeElement?.dataset?.job;
  const box = byId("jobs-list");
  fill(box, jobs.length && h("div", { class: "card table" }, table({ caption: "What waits or runs", columns: COLUMNS, rows: jobs })));
  if (!focused) return;
  const same = [...box.querySelectorAll("[data-job]")].find((each) => each.dataset.job === focused);
  (same ?? byId("title-jobs")).focus({ preventScroll: true });
}

const COLUMNS = [
  { title: "Response", cell: ({ id }) => responseLink(id) },
  { title: "Status", cell: state },
  { title: "Made", cell: ({ created_at: at }) => time(at) },
  { title: "For", cell: ({ created_at: at }) => h("span", { "data-since": at }, since(at)) },
  { title: "Model", cell: ({ model }) => model },
  { title: "Asked", cell: snippet },
  { title: "Actions", cell: actions },
];

function state({ status: word, state: more, queue_position: position, kind }) {
  const notes = [kind === "stream" && "stream", more === "parked" && "waits for its upstream", position && `${position}. in the queue`];
  const words = notes.filter(Boolean).join(", ");
  return h("div", { class: "meta" }, status(word), words && h("span", { class: "hint" }, words));
}

function actions({ id }) {
  return h("div", { class: "actions" },
    h("button", { type: "button", class: "small", "data-job": `follow ${id}`, on: { click: () => start(id) } },
      "Follow", h("span", { class: "only-read" }, ` ${id}`)),
    h("button", { type: "button", class: "small danger writes", "data-job": `cancel ${id}`, on: { click: () => cancel(id) } },
      "Cancel", h("span", { class: "only-read" }, ` ${id}`)));
}

async function start(id) {
  following?.abort();
  const abort = (following = new AbortController());
  const stream = new StreamView();
  byId("job-title").textContent = id;
  byId("job-state").textContent = "Following …";
  fill(byId("job-stream"), stream.node);
  show(byId("job-followed"));
  byId("job-title").focus();
  try {
    const response = await stream.read(follow(id, abort.signal));
    byId("job-state").textContent = `The response is ${response?.status ?? "there no more"}.`;
  } catch (error) {
    if (!isStop(error)) fill(byId("job-stream"), stream.node, errorNotice(error));
  }
}

function leave() {
  following?.abort();
  show(byId("job-followed"), false);
  byId("title-jobs").focus();
}

async function cancel(id) {
  const isSure = await confirmed({
    title: "Cancel this response?",
    text: `${id} ends now. What it has said so far is kept.`,
    yes: "Cancel it",
  });
  if (!isSure) return;
  try {
    const { status: word } = await call("POST", `v1/responses/${encodeURIComponent(id)}/cancel`);
    toast(`${id} is ${word}.`);
  } catch (error) {
    if (!isStop(error)) complain(error);
  }
}
