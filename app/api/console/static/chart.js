// Bars by day, each a stack of what is counted apart: drawn here, and told in the table beside it.

import { h, svg } from "./dom.js";

const NARROWEST = 300;
const HEIGHT = 240;
const LEFT = 64;
const BOTTOM = 24;
const TOP = 12;
// As many have a colour of their own; the others share one.
const MOST_SERIES = 7;

// `points` are {day, name, value}; `format` makes a text of a value; `width` is in pixels.
export function barChart({ title, dates, points: all, format, width: wanted }) {
  const width = Math.max(NARROWEST, wanted);
  const points = all.filter(({ value }) => value > 0);
  const names = largest(points);
  const stacks = new Map(dates.map((date) => [date, new Map()]));
  for (const { day, name, value } of points) {
    const stack = stacks.get(day);
    const series = names.includes(name) ? name : "others";
    stack?.set(series, (stack.get(series) ?? 0) + value);
  }
  const series = points.some(({ name }) => !names.includes(name)) ? [...names, "others"] : names;
  const highest = Math.max(0, ...[...stacks.values()].map((stack) => sum(stack.values())));
  if (highest === 0) return h("p", { class: "empty" }, "There is nothing to draw.");
  const top = roundUp(highest);
  return h("figure", { class: "chart" },
    svg("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": `${title}. The table has the same figures.` },
      lines(top, format, width), bars(stacks, series, top, format, width), days(dates, width)),
    legend(series));
}

const sum = (numbers) => [...numbers].reduce((all, number) => all + number, 0);

function largest(points) {
  const totals = new Map();
  for (const { name, value } of points) totals.set(name, (totals.get(name) ?? 0) + value);
  const sorted = [...totals].sort(([, a], [, b]) => b - a).map(([name]) => name);
  return sorted.length > MOST_SERIES + 1 ? sorted.slice(0, MOST_SERIES) : sorted;
}

// The next of 1, 2, 2.5, 5 and 10 times a power of ten.
function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 2.5, 5, 10].find((step) => step * power >= value) * power;
}

const yOf = (value, top) => HEIGHT - BOTTOM - (value / top) * (HEIGHT - BOTTOM - TOP);

function lines(top, format, width) {
  return [0, 0.5, 1].map((share) => {
    const y = yOf(share * top, top);
    return svg("g", {},
      svg("line", { x1: LEFT, x2: width, y1: y, y2: y, class: "line" }),
      svg("text", { x: LEFT - 8, y: y + 4, class: "tick end" }, format(share * top)));
  });
}

function bars(stacks, series, top, format, whole) {
  const step = (whole - LEFT) / stacks.size;
  const width = Math.max(1, Math.min(48, step * 0.72));
  return [...stacks].map(([date, stack], index) => {
    let below = 0;
    const x = LEFT + index * step + (step - width) / 2;
    return series.map((name, number) => {
      const value = stack.get(name);
      if (!value) return null;
      const y = yOf(below + value, top);
      const height = yOf(below, top) - y;
      below += value;
      return svg("rect", { x, y, width, height, class: `series-${number}` },
        svg("title", {}, `${date}, ${name}: ${format(value)}`));
    });
  });
}

function days(dates, width) {
  const step = (width - LEFT) / dates.length;
  const each = Math.ceil((dates.length * 60) / (width - LEFT));
  return dates.map((date, index) =>
    index % each ? null : svg("text", { x: LEFT + (index + 0.5) * step, y: HEIGHT - 6, class: "tick middle" }, date.slice(5)));
}

function legend(series) {
  const swatch = (number) => svg("svg", { viewBox: "0 0 10 10", class: "swatch", "aria-hidden": "true" },
    svg("rect", { width: 10, height: 10, rx: 2, class: `series-${number}` }));
  return h("figcaption", {},
    h("ul", { class: "legend" }, series.map((name, number) => h("li", {}, swatch(number), name))));
}
