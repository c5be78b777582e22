// The request log: what became of each request.

import { get } from "./api.js";
import { byId, description, errorNotice, fill, folded, h, isStop, json } from "./dom.js";
import { cost, count, httpStatus, milliseconds, responseLink, status, time } from "./format.js";
import { PagedList, nextDay } from "./paged_list.js";
import { filterForm, focusHeading, openPart } from "./parts.js";
import { facts } from "./session.js";

const COLUMNS = [
  { title: "Ended", cell: ({ at }) => time(at) },
  { title: "Request", cell: ({ request_id: id }) => requestLink(id) },
  { title: "What", cell: what },
  { title: "Status", cell: outcome },
  { title: "Model", cell: ({ model }) => model },
  { title: "Provider", cell: ({ provider }) => provider },
  { title: "Took", end: true, cell: ({ duration_ms: ms }) => milliseconds(ms) },
  { title: "Cost", end: true, cell: ({ cost_microusd: microusd }) => microusd !== null && cost(microusd) },
];

function requestLink(id) {
  return id && h("a", { href: `#/requests/${encodeURIComponent(id)}`, class: "id" }, id);
}

function what({ event, method, endpoint }) {
  return event === "job" ? "background answer" : h("code", {}, `${method} ${endpoint}`);
}

function outcome({ status: code, outcome: word, error_code: error }) {
  return h("div", { class: "meta" }, httpStatus(code), status(word), error && h("span", { class: "hint" }, error));
}

let list = null;

export async function view(rest, query, signal) {
  openPart("requests", rest ? "detail" : "list");
  if (rest) {
    await showRequest(rest, signal);
    return;
  }
  if (query.get("id")) byId("request-id").value = query.get("id");
  await showList();
}

async function showList() {
  if (!list) {
    list = new PagedList(byId("requests-list"), "console/api/requests", {
      caption: "Requests, newest first",
      columns: COLUMNS,
      empty: facts.request_log
        ? "No request is as you ask, or the log has it no more."
        : "Requests are not logged here ([storage] request_log is 0).",
      query: () => ({
        id: byId("request-id").value.trim(),
        status: byId("request-status").value.trim(),
        created_after: byId("request-from").value,
        created_before: nextDay(byId("request-to").value),
      }),
    });
    filterForm("requests-filter", { search: showList });
  }
  await list.load();
}

async function showRequest(id, signal) {
  const box = byId("request-detail");
  fill(box, h("p", { class: "state", role: "status" }, "Loading …"));
  try {
    const { data } = await get("console/api/requests", { id, limit: 100 }, signal);
    const none = h("p", { class: "empty" }, `The request log has no ${id}, or has it no more.`);
    fill(box, data.length ? data.map(entry) : none);
    focusHeading("requests", box);
  } catch (error) {
    if (!isStop(error)) fill(box, errorNotice(error));
  }
}

function entry(found) {
  return h("div", { class: "card stack" },
    h("div", { class: "head" }, h("h2", {}, what(found)), outcome(found)),
    description([
      ["Request", found.request_id],
      ["Ended", time(found.at)],
      ["Took", milliseconds(found.duration_ms)],
      ["To the first output", milliseconds(found.upstream_ms)],
      ["Waited for a worker", milliseconds(found.waited_ms)],
      ["Response", responseLink(found.response_id)],
      ["Model", found.model],
      ["Provider", found.provider],
      ["Attempts", count(found.attempts)],
      ["Provider's name for it", found.upstream_request_id],
      ["Input tokens", count(found.input_tokens)],
      ["Output tokens", count(found.output_tokens)],
      ["Cost", found.input_tokens !== null && cost(found.cost_microusd)],
      ["Key", found.key_id],
      ["Trace", found.trace_id],
      ["Error", found.error_code],
    ]),
    folded("As JSON", () => json(found)));
}
