// What functions that the model has called shall have answered: written by hand, sent together.

import { h } from "./dom.js";

const OUTPUTS = { function_call: "function_call_output", custom_tool_call: "custom_tool_call_output" };

// Returns a form for the calls among these items, null where there are none.
export function callAnswers(output, send) {
  const calls = output.filter(({ type }) => Object.hasOwn(OUTPUTS, type));
  if (!calls.length) return null;
  const fields = calls.map((call) => [call, h("textarea", { class: "code", rows: "2", spellcheck: "false" })]);
  const form = h(
    "form",
    { class: "call-answers stack" },
    fields.map(([call, area]) => h("label", {}, "Output of ", h("code", {}, call.name), area)),
    h("div", { class: "actions" }, h("button", { type: "submit", class: "primary" }, "Send the outputs")),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    form.remove();
    send(fields.map(([call, area]) => ({ type: OUTPUTS[call.type], call_id: call.call_id, output: area.value })));
  });
  return form;
}
