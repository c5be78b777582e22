// The beginnings of what was asked and answered, in a table or a tree.

import { h } from "./dom.js";

export function snippet({ input_text: asked, output_text: answered, encrypted, error_code: error }) {
  if (!asked && !answered) {
    const words = error ?? (encrypted ? "encrypted" : "");
    return words && h("span", { class: "hint" }, words);
  }
  return h("div", { class: "snippet" },
    asked && h("p", { class: "asked" }, asked),
    answered && h("p", { class: "answered" }, answered),
    error && h("p", { class: "hint" }, error));
}
