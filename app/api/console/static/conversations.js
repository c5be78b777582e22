// Conversations: the list, and one of them with its items and the tree of its turns.

import { call, get } from "./api.js";
import { byId, confirmed, copyButton, description, complain, errorNotice, fill, focusOn, h, isStop, moreButton, toast } from "./dom.js";
import { conversationLink, metadata, time } from "./format.js";
import { itemList } from "./items.js";
import { PagedList, metadataQuery, nextDay } from "./paged_list.js";
import { filterForm, focusHeading, openPart } from "./parts.js";
import { treeView } from "./tree.js";

const COLUMNS = [
  { title: "Begun", cell: ({ created_at: at }) => time(at) },
  { title: "Conversation", cell: ({ id }) => conversationLink(id) },
  { title: "Metadata", cell: (row) => metadata(row.metadata) },
];

let list = null;

export async function view(rest, _query, signal) {
  openPart("conversations", rest ? "detail" : "list");
  if (rest) await showConversation(rest, signal);
  else await showList();
}

async function showList() {
  if (!list) {
    list = new PagedList(byId("conversations-list"), "console/api/conversations", {
      caption: "Conversations, newest first",
      columns: COLUMNS,
      empty: "No conversation is as you ask.",
      query: () => ({
        created_after: byId("conversation-from").value,
        created_before: nextDay(byId("conversation-to").value),
        ...metadataQuery(byId("conversation-metadata").value),
      }),
    });
    filterForm("conversations-filter", {
      id: "conversation-id",
      open: (id) => (location.hash = `#/conversations/${encodeURIComponent(id)}`),
      search: showList,
    });
  }
  await list.load();
}

// By its own id, or by that of any of its responses.
async function showConversation(id, signal) {
  const box = byId("conversation-detail");
  fill(box, h("p", { class: "state", role: "status" }, "Loading …"));
  const isNamed = id.startsWith("conv_");
  const quoted = encodeURIComponent(id);
  const kind = isNamed ? "conversations" : "responses";
  try {
    const [tree, conversation, items] = await Promise.all([
      get(`console/api/${kind}/${quoted}/tree`, {}, signal),
      isNamed && get(`v1/conversations/${quoted}`, {}, signal),
      isNamed && get(`v1/conversations/${quoted}/items`, { order: "asc", limit: 100 }, signal),
    ]);
    fill(box, head(id, tree, conversation), treeCard(tree), items && itemsCard(id, items));
    focusHeading("conversations", box);
  } catch (error) {
    if (!isStop(error)) fill(box, errorNotice(error));
  }
}

function head(id, tree, conversation) {
  const named = conversation ? [
    h("a", { class: "button writes", href: `#/playground?conversation=${encodeURIComponent(id)}` }, "Continue"),
    copyButton(() => id, "Copy id"),
    h("button", { type: "button", class: "danger writes", on: { click: () => deleteConversation(id) } }, "Delete"),
  ] : [];
  return h("div", { class: "card stack" },
    h("div", { class: "head" },
      h("h2", { class: conversation && "id" }, conversation ? id : "Conversation"),
      h("div", { class: "actions" }, named)),
    description([
      ["Begun", time(conversation ? conversation.created_at : tree.nodes[0]?.created_at)],
      ["Conversation", !conversation && conversationLink(tree.conversation)],
      ["Metadata", conversation && metadata(conversation.metadata)],
      ["Turns", String(tree.nodes.length)],
    ]));
}

function treeCard(tree) {
  return h("div", { class: "card stack" },
    h("h3", {}, "Turns and forks"),
    tree.truncated && h("p", { class: "notice" }, "The conversation is long: only its newest turns are drawn."),
    tree.nodes.length ? treeView(tree) : h("p", { class: "empty" }, "There are no turns yet."));
}

function itemsCard(id, page) {
  const box = h("div", { class: "stack" });
  const add = (next) => {
    const list = itemList(next.data, "Items");
    box.append(list);
    if (next.has_more) box.append(moreButton("Show more items", (button) => load(button, next)));
    return list;
  };
  const load = async (button, { last_id: after }) => {
    const query = { order: "asc", limit: 100, after };
    const found = await get(`v1/conversations/${encodeURIComponent(id)}/items`, query);
    button.remove();
    focusOn(add(found));
  };
  if (page.data.length) add(page);
  else box.append(h("p", { class: "empty" }, "There are none."));
  return h("div", { class: "card stack" }, h("h3", {}, "Items"), box);
}

async function deleteConversation(id) {
  const isSure = await confirmed({
    title: "Delete this conversation?",
    text: `${id} and its items can then not be read any more. Its responses stay until they are deleted themselves.`,
    yes: "Delete",
  });
  if (!isSure) return;
  try {
    await call("DELETE", `v1/conversations/${encodeURIComponent(id)}`);
    toast(`${id} is deleted.`);
    location.hash = "#/conversations";
  } catch (error) {
    if (!isStop(error)) complain(error);
  }
}
