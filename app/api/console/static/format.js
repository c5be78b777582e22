// Values as people read them.

import { h } from "./dom.js";

export function time(seconds) {
  if (seconds === null || seconds === undefined) return null;
  const at = new Date(seconds * 1000);
  const iso = at.toISOString();
  const title = `${iso.slice(0, 19).replace("T", " ")} UTC`;
  const [day, hour] = local(at);
  return h("time", { datetime: iso, title }, h("span", {}, day), " ", h("span", {}, hour));
}

function local(at) {
  const pad = (number) => String(number).padStart(2, "0");
  const day = `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`;
  return [day, `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`];
}

export function count(number) {
  return number === null || number === undefined ? null : number.toLocaleString("en-US");
}

// Millionths of a US dollar; null where nobody knows.
export function cost(microusd) {
  if (microusd === null || microusd === undefined) return "unknown";
  const dollars = microusd / 1e6;
  const decimals = dollars === 0 || dollars >= 100 ? 2 : dollars >= 0.1 ? 3 : 6;
  const amount = dollars.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: decimals });
  return `$${amount}`;
}

export function milliseconds(ms) {
  if (ms === null || ms === undefined) return null;
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
}

export function since(seconds) {
  const passed = Math.max(0, Math.round(Date.now() / 1000 - seconds));
  if (passed < 60) return `${passed} s`;
  if (passed < 3600) return `${Math.floor(passed / 60)} min ${passed % 60} s`;
  return `${Math.floor(passed / 3600)} h ${Math.floor((passed % 3600) / 60)} min`;
}

const TONES = {
  completed: "good",
  incomplete: "warm",
  failed: "bad",
  cancelled: "plain",
  queued: "plain",
  in_progress: "busy",
};

export function status(word) {
  if (!word) return null;
  return h("span", { class: `badge ${TONES[word] ?? "plain"}` }, word.replaceAll("_", " "));
}

// A status of HTTP.
export function httpStatus(code) {
  if (code === null || code === undefined) return null;
  const tone = code < 400 ? "good" : code < 500 ? "warm" : "bad";
  return h("span", { class: `badge ${tone}` }, String(code));
}

export function metadata(pairs) {
  const entries = Object.entries(pairs ?? {});
  if (!entries.length) return null;
  const chips = entries.map(([key, value]) => h("li", { class: "chip" }, h("span", {}, h("b", {}, key), ` ${value}`)));
  return h("ul", { class: "chips", "aria-label": "Metadata" }, chips);
}

export function responseLink(id) {
  return id && h("a", { href: `#/responses/${encodeURIComponent(id)}`, class: "id" }, id);
}

export function conversationLink(id) {
  return id && h("a", { href: `#/conversations/${encodeURIComponent(id)}`, class: "id" }, id);
}
