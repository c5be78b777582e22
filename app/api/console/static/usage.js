// Use and cost, as a plot and as a table.

import { get } from "./api.js";
import { barChart } from "./chart.js";
import { byId, errorNotice, fill, h, isStop, table } from "./dom.js";
import { cost, count } from "./format.js";
import { facts } from "./session.js";

const FIELDS = { model: "model", key: "key_id", user: "user" };
const COUNTERS = [
  ["requests", "Requests"],
  ["input_tokens", "Input tokens"],
  ["output_tokens", "Output tokens"],
  ["errors", "Failed"],
];

let isSetUp = false;
let drawn = null;
let reading = null;

export async function view() {
  if (!isSetUp) setUp();
  await load();
}

function setUp() {
  isSetUp = true;
  byId("usage-days").value = "30";
  for (const key of facts.usage_metadata_keys ?? []) {
    byId("usage-group").append(h("option", { value: `metadata.${key}` }, `metadata: ${key}`));
  }
  byId("usage-filter").addEventListener("change", load);
  byId("usage-filter").addEventListener("submit", (event) => event.preventDefault());
  window.addEventListener("resize", () => drawn && drawChart(...drawn));
}

async function load() {
  const days = Number(byId("usage-days").value);
  const group = byId("usage-group").value;
  const to = new Date();
  const from = new Date(to.getTime() - (days - 1) * 86_400_000);
  reading?.abort();
  reading = new AbortController();
  try {
    const query = { from: day(from), to: day(to), group_by: `day,${group}` };
    const report = await get("v1/usage", query, reading.signal);
    drawTotal(report.total);
    drawn = [report, days, from, group];
    drawChart(...drawn);
    drawTable(report.data, group);
    byId("usage-state").textContent = `${count(report.total.requests)} requests in ${days} days.`;
  } catch (error) {
    if (isStop(error)) return;
    drawn = null;
    byId("usage-state").textContent = "";
    fill(byId("usage-total"));
    fill(byId("usage-chart"), errorNotice(error));
    fill(byId("usage-table"));
  }
}

const capital = (text) => text[0].toUpperCase() + text.slice(1);
const day = (date) => date.toISOString().slice(0, 10);

function nameOf(row, group) {
  const value = group.startsWith("metadata.") ? row.metadata[group.slice(9)] : row[FIELDS[group]];
  return value ?? "(none)";
}

function drawTotal(total) {
  const figures = [
    ["Cost", cost(total.cost_microusd), total.unpriced_requests && `${count(total.unpriced_requests)} without a known price`],
    ["Requests", count(total.requests), total.errors && `${count(total.errors)} failed`],
    ["Input tokens", count(total.input_tokens), total.cached_tokens && `${count(total.cached_tokens)} from a cache`],
    ["Output tokens", count(total.output_tokens), total.reasoning_tokens && `${count(total.reasoning_tokens)} for reasoning`],
  ];
  fill(
    byId("usage-total"),
    figures.map(([name, value, note]) =>
      h("div", { class: "card" }, h("dt", {}, name), h("dd", {}, h("b", {}, value), note ? h("span", { class: "hint" }, note) : null)),
    ),
  );
}

function drawChart(report, days, from, group) {
  const measure = byId("usage-measure");
  const chosen = measure.value;
  const title = `${measure.selectedOptions[0].text} by day and ${byId("usage-group").selectedOptions[0].text}`;
  byId("usage-chart-title").textContent = capital(title);
  const points = report.data.map((row) => ({ day: row.date, name: nameOf(row, group), value: row[chosen] ?? 0 }));
  const dates = Array.from({ length: days }, (_, number) => day(new Date(from.getTime() + number * 86_400_000)));
  const format = chosen === "cost_microusd" ? cost : count;
  const box = byId("usage-chart");
  fill(box, barChart({ title, dates, points, format, width: box.clientWidth }));
}

function drawTable(rows, group) {
  const newest = rows.toReversed();
  const columns = [
    { title: "Day", cell: (row) => h("time", {}, h("span", {}, row.date)) },
    { title: capital(byId("usage-group").selectedOptions[0].text), cell: (row) => nameOf(row, group) },
    { title: "Cost", end: true, cell: (row) => cost(row.cost_microusd) },
    ...COUNTERS.map(([name, title]) => ({ title, end: true, cell: (row) => count(row[name]) })),
  ];
  const none = h("p", { class: "empty" }, "Nothing was used in this time.");
  fill(byId("usage-table"), newest.length ? table({ caption: "Use by day", columns, rows: newest }) : none);
}
