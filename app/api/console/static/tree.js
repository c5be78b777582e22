// The turns of a conversation. Turns that follow one another are one list; where two continue the
// same turn, each begins a list of its own, within that turn: so a screen reader hears the forks.

import { h } from "./dom.js";
import { responseLink, status, time } from "./format.js";
import { snippet } from "./snippet_cell.js";

export function treeView({ id, nodes }) {
  const known = new Set(nodes.map((node) => node.id));
  const children = new Map();
  const roots = [];
  for (const node of nodes) {
    if (!known.has(node.parent)) roots.push(node);
    else if (children.has(node.parent)) children.get(node.parent).push(node);
    else children.set(node.parent, [node]);
  }
  return h("div", { class: "tree" }, roots.map((root) => branch(root, children, id)));
}

// A chain of turns up to its end, or to a fork.
function branch(first, children, marked) {
  const turns = [];
  for (let node = first; node; ) {
    const next = children.get(node.id) ?? [];
    const isFork = next.length > 1;
    turns.push(h("li", { class: isFork && "forks" }, turn(node, marked), isFork && fork(next, children, marked)));
    node = isFork ? null : next[0];
  }
  const isCut = first.parent !== null;
  return h("ol", { class: "branch" }, isCut && !children.has(first.parent) && earlier(), turns);
}

function fork(starts, children, marked) {
  const label = `Fork: ${starts.length} ways to go on`;
  return h("div", { class: "fork" },
    h("p", { class: "fork-name" }, label),
    h("ul", { "aria-label": label },
      starts.map((start, number) =>
        h("li", {}, h("p", { class: "way" }, `Way ${number + 1} of ${starts.length}`), branch(start, children, marked)))));
}

function earlier() {
  return h("li", { class: "earlier" }, h("p", { class: "hint" }, "Earlier turns are not shown."));
}

function turn(node, marked) {
  const isMarked = node.id === marked;
  if (node.deleted) {
    return h("div", { class: "turn-node gone" }, h("p", {}, h("span", { class: "id" }, node.id), " was deleted."));
  }
  const name = node.type === "items" ? h("span", {}, "Items that were added") : responseLink(node.id);
  return h("div", { class: isMarked ? "turn-node marked" : "turn-node", "aria-current": isMarked && "true" },
    h("div", { class: "meta" }, name, status(node.status), node.background && h("span", { class: "hint" }, "background")),
    snippet(node),
    h("div", { class: "meta hint" }, time(node.created_at), node.model && h("span", {}, node.model)));
}
