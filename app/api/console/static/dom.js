// Elements made of values. What comes as data becomes text, never markup.

import { SignedOut } from "./session.js";

const SVG = "http://www.w3.org/2000/svg";

export const byId = (id) => document.getElementById(id);

export function h(name, attributes = {}, ...children) {
  return furnished(document.createElement(name), attributes, children);
}

export function svg(name, attributes = {}, ...children) {
  return furnished(document.createElementNS(SVG, name), attributes, children);
}

function furnished(node, { on = {}, ...attributes }, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    node.setAttribute(name, value === true ? "" : String(value));
  }
  for (const [name, listener] of Object.entries(on)) node.addEventListener(name, listener);
  node.append(...present(children));
  return node;
}

const present = (children) =>
  children.flat(Infinity).filter((each) => each !== null && each !== undefined && each !== false);

export function fill(node, ...children) {
  node.replaceChildren(...present(children));
  return node;
}

export function show(node, isShown = true) {
  node.hidden = !isShown;
}

// An error, shown where it belongs.
export function errorNotice(error) {
  const id = error.requestId;
  return h(
    "div",
    { class: "notice error", role: "alert" },
    h("p", {}, error.message),
    id && h("p", { class: "hint" }, "Request ", h("a", { href: `#/requests/${encodeURIComponent(id)}` }, id)),
  );
}

// What a call throws that was stopped, or whose key is gone, is no error to show.
export const isStop = (error) => error?.name === "AbortError" || error instanceof SignedOut;

export function toast(text) {
  const note = h("p", { class: "toast" }, text);
  byId("toasts").append(note);
  setTimeout(() => note.remove(), 6000);
}

// What went wrong stays until somebody has read it.
export function complain(error) {
  const note = h("div", { class: "toast error", role: "alert" }, h("p", {}, error.message));
  note.append(h("button", { type: "button", class: "small", on: { click: () => note.remove() } }, "Dismiss"));
  byId("toasts").append(note);
}

// A button that has more shown in its place. If that fails it can be pressed again.
export function moreButton(text, load) {
  const button = h("button", { type: "button" }, text);
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await load(button);
    } catch (error) {
      button.disabled = false;
      button.focus();
      if (!isStop(error)) complain(error);
    }
  });
  return button;
}

// Gives the focus to what is none of the things that have it by themselves.
export function focusOn(node) {
  node.tabIndex = -1;
  node.focus({ preventScroll: true });
}

export function copyButton(textOf, label = "Copy") {
  return h("button", { type: "button", class: "quiet small", on: { click: () => copy(textOf()) } }, label);
}

export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast("Copied.");
  } catch {
    toast("The browser does not let this page copy: select the text, and copy it.");
  }
}

// Asks, and returns whether it was said yes.
export function confirmed({ title, text, yes }) {
  const dialog = byId("confirm");
  byId("confirm-title").textContent = title;
  byId("confirm-text").textContent = text;
  byId("confirm-yes").textContent = yes;
  byId("confirm-no").onclick = () => dialog.close("no");
  byId("confirm-yes").onclick = () => dialog.close("yes");
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

export function description(pairs, attributes = {}) {
  const there = pairs.filter(([, value]) => ![null, undefined, false, ""].includes(value));
  return h(
    "dl",
    { class: "facts", ...attributes },
    there.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
  );
}

// A table whose rows are cards on a phone; the roles say there, too, that it is a table.
export function table({ caption, columns, rows }) {
  const head = columns.map(({ title, end }) =>
    h("th", { scope: "col", role: "columnheader", class: end && "end" }, title),
  );
  const cells = (row) =>
    columns.map(({ title, cell, end }) =>
      h("td", { role: "cell", "data-title": title, class: end && "end" }, cell(row)),
    );
  return h(
    "table",
    { role: "table" },
    h("caption", { class: "only-read" }, caption),
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, head)),
    h("tbody", { role: "rowgroup" }, rows.map((row) => h("tr", { role: "row" }, cells(row)))),
  );
}

const MOST_CHARACTERS = 20_000;

// A text as it is; of a very long one the beginning, until more is asked for.
export function longText(text, attributes = {}, name = "pre") {
  const box = h(name, attributes, text.slice(0, MOST_CHARACTERS));
  if (text.length <= MOST_CHARACTERS) return box;
  const more = h("button", { type: "button", class: "quiet small" }, `Show all ${text.length.toLocaleString()} characters`);
  more.addEventListener("click", () => {
    box.textContent = text;
    more.remove();
  });
  return h("div", {}, box, more);
}

// Of what is folded away, the inside is made when it is first opened.
export function folded(summary, inside, attributes = {}) {
  const details = h("details", attributes, h("summary", {}, summary));
  details.addEventListener("toggle", () => details.append(inside()), { once: true });
  return details;
}

export const json = (value) => longText(JSON.stringify(value, null, 2), { class: "code", tabindex: "0" });
