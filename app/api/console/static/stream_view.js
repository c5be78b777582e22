// An answer while it comes: its items as they grow, and the list of its events.

import { fill, folded, h, json, show } from "./dom.js";
import { count } from "./format.js";
import { frame, itemView } from "./items.js";

// So many events are listed; a stream may have a million.
const MOST_LISTED = 1000;

const GROWING = {
  "response.output_text.delta": ["Model", "model", "prose"],
  "response.refusal.delta": ["Refuses", "model", "prose"],
  "response.reasoning_summary_text.delta": ["Reasoning", "reasoning", "prose"],
  "response.reasoning_text.delta": ["Reasoning", "reasoning", "prose"],
  "response.function_call_arguments.delta": ["Calls", "call", "code"],
  "response.custom_tool_call_input.delta": ["Calls", "call", "code"],
};

export class StreamView {
  constructor() {
    this.response = null;
    this.error = null;
    this.seen = 0;
    this.places = new Map();
    this.output = h("div", { class: "items", role: "group", "aria-live": "polite", "aria-busy": "true", "aria-label": "Answer" });
    this.listed = h("ol", { class: "events" });
    this.title = h("summary", {}, "Events: 0");
    this.more = h("p", { class: "hint", hidden: true });
    this.events = h("details", { class: "event-log" }, this.title, this.more, this.listed);
    this.node = h("div", { class: "stack" }, this.output, this.events);
  }

  // Takes every event of a stream; returns the response as the last of them had it.
  async read(stream) {
    try {
      for await (const event of stream) this.take(event);
    } finally {
      this.end();
    }
    return this.response;
  }

  take(event) {
    this.list(event);
    if (event.response) this.response = event.response;
    if (event.type === "error") this.error = event;
    else if (event.type === "response.output_item.added") this.open(event);
    else if (event.type === "response.output_item.done") this.close(event);
    else if (Object.hasOwn(GROWING, event.type)) this.grow(event);
  }

  // The answer is whole: who listens hears it now, and not a word at a time.
  end() {
    this.output.setAttribute("aria-busy", "false");
  }

  list(event) {
    this.seen += 1;
    this.title.textContent = `Events: ${count(this.seen)}`;
    const name = `${event.sequence_number ?? ""} ${event.type}`;
    this.listed.append(h("li", {}, folded(name, () => json(event))));
    if (this.seen > MOST_LISTED) {
      this.listed.firstChild.remove();
      this.more.textContent = `The last ${count(MOST_LISTED)} are listed.`;
      show(this.more);
    }
  }

  place(index) {
    if (!this.places.has(index)) {
      const node = h("div", { class: "place" });
      this.places.set(index, { node, parts: new Map(), item: null });
      this.output.append(node);
    }
    return this.places.get(index);
  }

  open({ output_index: index, item }) {
    this.place(index).item = item;
  }

  close({ output_index: index, item }) {
    fill(this.place(index).node, itemView(item));
  }

  grow(event) {
    const place = this.place(event.output_index);
    const part = `${event.type} ${event.content_index ?? event.summary_index ?? 0}`;
    if (!place.parts.has(part)) place.parts.set(part, this.begin(place, event.type));
    place.parts.get(part).appendData(event.delta);
  }

  begin(place, type) {
    const [kind, tone, look] = GROWING[type];
    const text = document.createTextNode("");
    const name = tone === "call" && place.item?.name;
    const words = name ? ["Calls ", h("code", {}, name)] : kind;
    place.node.append(frame(words, tone, h(look === "code" ? "pre" : "div", { class: look }, text)));
    return text;
  }
}
