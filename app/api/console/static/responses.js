// Stored responses: the list, and one of them.

import { call, get } from "./api.js";
import { byId, confirmed, copyButton, description, complain, errorNotice, fill, focusOn, folded, h, isStop, json, moreButton, toast } from "./dom.js";
import { conversationLink, count, metadata, responseLink, status, time } from "./format.js";
import { itemList } from "./items.js";
import { PagedList, metadataQuery, nextDay } from "./paged_list.js";
import { filterForm, focusHeading, openPart } from "./parts.js";
import { snippet } from "./snippet_cell.js";

const COLUMNS = [
  { title: "Made", cell: ({ created_at: at }) => time(at) },
  { title: "Response", cell: ({ id }) => responseLink(id) },
  { title: "Asked, answered", cell: snippet },
  { title: "Status", cell: (row) => status(row.status) },
  { title: "Model", cell: ({ model }) => model },
  { title: "Tokens", end: true, cell: tokens },
  { title: "Metadata", cell: (row) => metadata(row.metadata) },
];

function tokens({ input_tokens: read, output_tokens: written }) {
  return read === null && written === null ? null : `${count(read ?? 0)} / ${count(written ?? 0)}`;
}

let list = null;

export async function view(rest, _query, signal) {
  openPart("responses", rest ? "detail" : "list");
  if (rest) await showResponse(rest, signal);
  else await showList();
}

async function showList() {
  if (!list) {
    list = new PagedList(byId("responses-list"), "console/api/responses", {
      caption: "Stored responses, newest first",
      columns: COLUMNS,
      empty: "No stored response is as you ask.",
      query: () => ({
        status: byId("response-status").value,
        created_after: byId("response-from").value,
        created_before: nextDay(byId("response-to").value),
        ...metadataQuery(byId("response-metadata").value),
      }),
    });
    filterForm("responses-filter", {
      id: "response-id",
      open: (id) => (location.hash = `#/responses/${encodeURIComponent(id)}`),
      search: showList,
    });
  }
  await list.load();
}

async function showResponse(id, signal) {
  const box = byId("response-detail");
  fill(box, h("p", { class: "state", role: "status" }, "Loading …"));
  try {
    const path = `v1/responses/${encodeURIComponent(id)}`;
    const [response, input] = await Promise.all([
      get(path, {}, signal),
      get(`${path}/input_items`, { order: "asc", limit: 100 }, signal),
    ]);
    draw(box, response, input);
    focusHeading("responses", box);
  } catch (error) {
    if (!isStop(error)) fill(box, errorNotice(error));
  }
}

function draw(box, response, input) {
  fill(
    box,
    h("div", { class: "card stack" },
      h("div", { class: "head" }, h("h2", { class: "id" }, response.id), status(response.status), actions(response)),
      facts(response),
      response.error && h("p", { class: "notice error" }, `${response.error.code}: ${response.error.message}`)),
    h("div", { class: "card stack" }, h("h3", {}, "Input"), instructions(response), itemList(input.data, "Input"), ...rest(response, input)),
    h("div", { class: "card stack" }, h("h3", {}, "Output"),
      response.output.length ? itemList(response.output, "Output") : h("p", { class: "empty" }, "There is none.")),
    h("div", { class: "card" }, folded("The response as JSON", () => json(response))),
  );
}

function instructions({ instructions: words }) {
  return words && h("div", { class: "item system" }, h("p", { class: "kind" }, "Instructions"), h("div", { class: "prose" }, words));
}

// Input is listed a hundred items at a time.
function rest(response, page) {
  if (!page.has_more) return [];
  const load = async (button) => {
    const query = { order: "asc", limit: 100, after: page.last_id };
    const next = await get(`v1/responses/${response.id}/input_items`, query);
    const found = itemList(next.data, "More input");
    button.replaceWith(found, ...rest(response, next));
    focusOn(found);
  };
  return [moreButton("Show more input", load)];
}

function actions(response) {
  const { id } = response;
  const quoted = encodeURIComponent(id);
  const remove = h("button", { type: "button", class: "danger writes", on: { click: () => deleteResponse(id) } }, "Delete");
  return h("div", { class: "actions" },
    h("a", { class: "button writes", href: `#/playground?from=${quoted}` }, "Continue"),
    h("a", { class: "button", href: `#/conversations/${quoted}` }, "Tree"),
    h("a", { class: "button", href: `#/requests?id=${quoted}` }, "Requests"),
    copyButton(() => id, "Copy id"),
    remove);
}

function facts(response) {
  const { usage } = response;
  return description([
    ["Model", response.model],
    ["Made", time(response.created_at)],
    ["Ended", time(response.completed_at)],
    ["Continues", responseLink(response.previous_response_id)],
    ["Conversation", conversationLink(response.conversation?.id)],
    ["Background", response.background ? "yes" : null],
    ["Incomplete because of", response.incomplete_details?.reason],
    ["Input tokens", usage && count(usage.input_tokens)],
    ["from a cache", usage?.input_tokens_details?.cached_tokens ? count(usage.input_tokens_details.cached_tokens) : null],
    ["Output tokens", usage && count(usage.output_tokens)],
    ["for reasoning", usage?.output_tokens_details?.reasoning_tokens ? count(usage.output_tokens_details.reasoning_tokens) : null],
    ["Tools", response.tools?.length ? response.tools.map(({ name, type }) => name ?? type).join(", ") : null],
    ["End user", response.safety_identifier ?? response.user],
    ["Metadata", metadata(response.metadata)],
  ]);
}

async function deleteResponse(id) {
  const isSure = await confirmed({
    title: "Delete this response?",
    text: `${id} can then neither be read nor continued. Turns that came after it keep what they know.`,
    yes: "Delete",
  });
  if (!isSure) return;
  try {
    await call("DELETE", `v1/responses/${encodeURIComponent(id)}`);
    toast(`${id} is deleted.`);
    location.hash = "#/responses";
  } catch (error) {
    if (!isStop(error)) complain(error);
  }
}
