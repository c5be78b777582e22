// The beginnings of an input and its output, in a table or a tree.

import { h } from "./dom.js";

export function snippet({ input_text: input, output_text: output, encrypted, error_code: error }) {
  if (!input && !output) {
    const words = error ?? (encrypted ? "encrypted" : "");
    return words && h("span", { class: "hint" }, words);
  }
  return h("div", { class: "snippet" },
    input && h("p", { class: "input" }, input),
    output && h("p", { class: "output" }, output),
    error && h("p", { class: "hint" }, error));
}
