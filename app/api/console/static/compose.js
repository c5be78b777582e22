// The playground's form to the body of a request, and back.

import { byId } from "./dom.js";

// What cannot be sent: `field` is the id of what has to be mended.
export class FormFault extends Error {
  constructor(field, message) {
    super(message);
    this.field = field;
  }
}

const text = (id) => byId(id).value.trim();

// `images` are addresses, or the pictures themselves as data: URLs. `outputs` are the items that
// answer the calls of the response that is gone on with.
export function compose({ images, outputs }) {
  const request = { model: text("model") };
  if (!request.model) throw new FormFault("model", "Name a model.");
  put(request, "instructions", byId("instructions").value);
  request.input = input(images, outputs);
  Object.assign(request, tools(), format(), reasoning(), limits(), state());
  if (byId("background").checked) request.background = true;
  else request.stream = true;
  return request;
}

function put(request, name, value) {
  if (value !== "" && value !== undefined) request[name] = value;
}

function input(images, outputs) {
  const words = byId("prompt").value;
  if (outputs) return outputs;
  if (!words.trim() && !images.length) throw new FormFault("prompt", "Write a message.");
  if (!images.length) return words;
  const content = words.trim() ? [{ type: "input_text", text: words }] : [];
  content.push(...images.map((url) => ({ type: "input_image", image_url: url })));
  return [{ role: "user", content }];
}

function parsed(id, what) {
  const raw = text(id);
  if (!raw) return undefined;
  try {
    return JSON.parse(raw);
  } catch (error) {
    throw new FormFault(id, `${what} cannot be read as JSON: ${error.message}`);
  }
}

function tools() {
  const found = parsed("tools", "The tools");
  const request = {};
  if (found !== undefined) request.tools = Array.isArray(found) ? found : [found];
  put(request, "tool_choice", text("tool-choice"));
  return request;
}

// A schema by itself, or the whole of `text.format`.
function format() {
  const found = parsed("schema", "The schema");
  if (found === undefined) return {};
  if (found === null || typeof found !== "object") {
    throw new FormFault("schema", "The schema has to be a JSON object.");
  }
  if (found.type === "json_schema" || found.type === "json_object") return { text: { format: found } };
  const name = text("schema-name") || "answer";
  return { text: { format: { type: "json_schema", name, schema: found, strict: true } } };
}

function reasoning() {
  const found = {};
  put(found, "effort", text("effort"));
  put(found, "summary", text("summary"));
  return Object.keys(found).length ? { reasoning: found } : {};
}

function number(id, what) {
  const raw = text(id);
  if (!raw) return undefined;
  if (!/^-?\d+(\.\d+)?$/.test(raw)) throw new FormFault(id, `${what} has to be a number.`);
  return Number(raw);
}

function limits() {
  const request = {};
  put(request, "max_output_tokens", number("max-output", "The most output tokens"));
  put(request, "temperature", number("temperature", "The temperature"));
  return request;
}

function state() {
  const request = {};
  const pairs = byId("metadata").value.split("\n").filter((line) => line.trim());
  if (pairs.length) request.metadata = Object.fromEntries(pairs.map(pair));
  if (!byId("store").checked) request.store = false;
  const parent = text("continues");
  if (parent.startsWith("conv_")) request.conversation = parent;
  else put(request, "previous_response_id", parent);
  return request;
}

function pair(line) {
  const [key, ...value] = line.split("=");
  if (!value.length) throw new FormFault("metadata", "Metadata has a line for each: key=value.");
  return [key.trim(), value.join("=").trim()];
}

// Puts what a stored response was asked with into the form, so that it can be gone on with.
export function fillFrom(response) {
  byId("model").value = response.model ?? "";
  byId("instructions").value = response.instructions ?? "";
  byId("tools").value = response.tools?.length ? JSON.stringify(response.tools, null, 2) : "";
  byId("effort").value = response.reasoning?.effort ?? "";
  byId("continues").value = response.conversation?.id ?? response.id;
}
