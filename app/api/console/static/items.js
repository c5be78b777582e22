// Items of input and output, as they are read.

import { folded, h, json, longText } from "./dom.js";

const ROLES = { user: "User", assistant: "Model", system: "System", developer: "Developer" };

export function itemList(items, label) {
  return h("ol", { class: "items", "aria-label": label }, items.map((item) => h("li", {}, itemView(item))));
}

export function itemView(item) {
  const type = item.type ?? "message";
  return Object.hasOwn(VIEWS, type) ? VIEWS[type](item) : otherItem(item);
}

// The frame around an item: `kind` says what it is, `tone` how it looks.
export function frame(kind, tone, ...inside) {
  return h("div", { class: `item ${tone}` }, h("p", { class: "kind" }, kind), inside);
}

const VIEWS = {
  message: ({ role, content, status }) =>
    frame(
      [Object.hasOwn(ROLES, role) ? ROLES[role] : role, unfinished(status)],
      role === "assistant" ? "model" : role,
      typeof content === "string" ? prose(content) : (content ?? []).map(partView),
    ),
  reasoning: ({ summary, content, encrypted_content: sealed }) => {
    const texts = [...(summary ?? []), ...(content ?? [])].map(({ text }) => text);
    return frame(
      "Reasoning",
      "reasoning",
      texts.map((text) => prose(text)),
      !texts.length && h("p", { class: "hint" }, sealed ? "Encrypted by the model's provider." : "Not shown."),
    );
  },
  function_call: ({ name, arguments: given, call_id: id, status }) =>
    frame(["Calls ", h("code", {}, name), unfinished(status)], "call", code(given), callId(id)),
  custom_tool_call: ({ name, input, call_id: id }) =>
    frame(["Calls ", h("code", {}, name)], "call", code(input), callId(id)),
  function_call_output: ({ output, call_id: id }) => frame("Output of a call", "output", outputView(output), callId(id)),
  custom_tool_call_output: ({ output, call_id: id }) => frame("Output of a call", "output", outputView(output), callId(id)),
};

function otherItem(item) {
  return frame(h("code", {}, item.type), "other", folded("As JSON", () => json(item)));
}

function unfinished(status) {
  return status === "incomplete" && h("span", { class: "badge warm" }, "incomplete");
}

function callId(id) {
  return h("p", { class: "hint id" }, id);
}

function outputView(output) {
  return typeof output === "string" ? code(output) : (output ?? []).map(partView);
}

export function prose(text) {
  return longText(text ?? "", { class: "prose" }, "div");
}

// JSON laid out, if it is JSON.
function code(text) {
  let pretty = text ?? "";
  try {
    pretty = JSON.stringify(JSON.parse(pretty), null, 2);
  } catch {
    // as it is: a text, or JSON that was cut
  }
  return longText(pretty, { class: "code", tabindex: "0" });
}

function partView(part) {
  switch (part.type) {
    case "input_text":
    case "output_text":
    case "text":
      return prose(part.text);
    case "refusal":
      return h("div", { class: "refusal" }, h("p", { class: "kind" }, "Refuses"), prose(part.refusal));
    case "input_image":
      return imageView(part.image_url ?? part.file_id);
    case "input_file":
      return h("p", { class: "hint" }, `File: ${part.filename ?? part.file_url ?? part.file_id ?? "without a name"}`);
    default:
      return folded(part.type, () => json(part));
  }
}

// A picture that came with the request; one that lies elsewhere is named, and not fetched.
export function imageView(url) {
  if (/^data:image\/(png|jpeg|gif|webp);base64,/.test(url ?? "")) {
    return h("img", { src: url, alt: "Image of the message", class: "picture" });
  }
  return h("p", { class: "hint" }, "Image: ", h("code", {}, (url ?? "").slice(0, 300)));
}
