// A list that is read a page at a time.

import { get } from "./api.js";
import { errorNotice, fill, h, isStop, table } from "./dom.js";
import { count } from "./format.js";

export class PagedList {
  // `columns` and `caption` are the table's, `empty` is said where there is nothing; `query` makes
  // the query of what stands in the form.
  constructor(container, path, { caption, columns, empty, query }) {
    Object.assign(this, { container, path, caption, columns, empty, makeQuery: query, rows: [] });
  }

  // Shows the first page of what the form asks for.
  async load() {
    this.reading?.abort();
    this.rows = [];
    try {
      this.query = this.makeQuery();
    } catch (error) {
      fill(this.container, errorNotice(error));
      return;
    }
    fill(this.container, h("p", { class: "state", role: "status" }, "Loading …"));
    await this.read({});
  }

  async read(more) {
    const reading = (this.reading = new AbortController());
    try {
      const page = await get(this.path, { limit: 25, ...this.query, ...more }, reading.signal);
      this.rows.push(...page.data);
      this.draw(page);
    } catch (error) {
      if (isStop(error)) return;
      fill(this.container, errorNotice(error));
    }
  }

  draw(page) {
    const { caption, columns, rows } = this;
    const found = rows.length ? table({ caption, columns, rows }) : h("p", { class: "empty" }, this.empty);
    fill(this.container, h("div", { class: "card table" }, found), this.end(page));
  }

  // What is said, or offered, beneath the table.
  end(page) {
    const { next, truncated, examined } = page;
    const words = this.rows.length > 0 && h("p", { class: "state", role: "status" }, `${this.rows.length} shown.`);
    if (!next) return words;
    if (!truncated) return h("div", { class: "actions" }, this.button("Show more", { after: next }), words);
    return h(
      "div",
      { class: "notice" },
      h("p", { role: "status" }, `${count(examined)} more were looked at, and older ones were not: there may be others.`),
      this.button("Look further back", { after: next }),
    );
  }

  button(text, more) {
    const button = h("button", { type: "button" }, text);
    button.addEventListener("click", async () => {
      button.disabled = true;
      await this.read(more);
      this.container.querySelector(".actions button, .notice button")?.focus();
    });
    return button;
  }
}

// What a filter's day, or pair, becomes in a query.
export const nextDay = (day) =>
  day && new Date(Date.parse(`${day}T00:00:00Z`) + 86_400_000).toISOString().slice(0, 10);

export function metadataQuery(text) {
  const pairs = text.split(/[,\n]/).map((each) => each.trim()).filter(Boolean);
  return Object.fromEntries(
    pairs.map((pair) => {
      const [key, ...value] = pair.split("=");
      if (!key.trim() || !value.join("=").trim()) throw new Error("Metadata is searched for as key=value.");
      return [`metadata[${key.trim()}]`, value.join("=").trim()];
    }),
  );
}
