// A list that is read a page at a time.

import { get } from "./api.js";
import { errorNotice, fill, focusOn, h, isStop, moreButton, table } from "./dom.js";
import { count } from "./format.js";

export class PagedList {
  // `columns` and `caption` are the table's, `empty` is said where there is nothing; `query` makes
  // the query of what stands in the form.
  constructor(container, path, { caption, columns, empty, query }) {
    Object.assign(this, { path, caption, columns, empty, makeQuery: query, rows: [] });
    this.found = h("div", { class: "stack" });
    // A region that is read aloud: the same one always, or it would not be.
    this.words = h("p", { class: "state", role: "status" });
    this.end = h("div", {}, this.words);
    fill(container, this.found, this.end);
  }

  // Shows the first page of what the form asks for.
  async load() {
    this.reading?.abort();
    this.rows = [];
    try {
      this.query = this.makeQuery();
      this.say("Loading …");
      fill(this.found);
      await this.read({});
    } catch (error) {
      if (isStop(error)) return;
      this.say("");
      fill(this.found, errorNotice(error));
    }
  }

  async read(more) {
    const reading = (this.reading = new AbortController());
    const page = await get(this.path, { limit: 25, ...this.query, ...more }, reading.signal);
    this.rows.push(...page.data);
    this.draw(page);
  }

  draw(page) {
    const { caption, columns, rows } = this;
    const found = rows.length ? table({ caption, columns, rows }) : h("p", { class: "empty" }, this.empty);
    fill(this.found, h("div", { class: "card table" }, found));
    this.drawEnd(page);
  }

  // What is said, or offered, beneath the table.
  drawEnd({ next, truncated, examined }) {
    const summary = this.rows.length ? `${this.rows.length} shown.` : "";
    if (!next) this.say(summary);
    else if (!truncated) this.say(summary, this.button("Show more", { after: next }));
    else {
      const words = `${count(examined)} more were looked at, and older ones were not: there may be others.`;
      this.say(words, this.button("Look further back", { after: next }));
      this.end.className = "notice";
    }
  }

  say(words, button = null) {
    this.end.className = "actions";
    this.words.textContent = words;
    this.more?.remove();
    this.more = button;
    if (button) this.end.append(button);
  }

  // The focus goes to the first of the rows that have come, or to what is said of them.
  button(text, more) {
    return moreButton(text, async () => {
      const known = this.rows.length;
      await this.read(more);
      const row = this.found.querySelectorAll("tbody tr")[known];
      if (row) row.querySelector("a").focus();
      else if (this.more) this.more.focus();
      else focusOn(this.words);
    });
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
