// A request as code to be run elsewhere. The key is never in it.

import { API } from "./api.js";

// A picture is thousands of letters that nobody reads.
const LONGEST_DATA = 200;

export const LANGUAGES = {
  curl: (request) =>
    [
      `curl ${request.stream ? "-N " : ""}${quoted(`${API}/responses`)}`,
      `  -H "Authorization: Bearer $API_KEY"`,
      `  -H "Content-Type: application/json"`,
      `  -d ${quoted(JSON.stringify(shortened(request), null, 2))}`,
    ].join(" \\\n"),
  python: pythonCode,
  json: (request) => JSON.stringify(shortened(request), null, 2),
};

function quoted(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function pythonCode(request) {
  const parameters = Object.entries(shortened(request)).map(
    ([name, value]) => `    ${name}=${pythonValue(value, 1)},\n`,
  );
  return [
    "import os",
    "",
    "from openai import OpenAI",
    "",
    `client = OpenAI(base_url=${JSON.stringify(API)}, api_key=os.environ["API_KEY"])`,
    `${request.stream ? "stream" : "response"} = client.responses.create(`,
    `${parameters.join("")})`,
    ...(request.stream ? STREAMED : ["print(response.id, response.status)"]),
  ].join("\n");
}

const STREAMED = [
  "for event in stream:",
  '    if event.type == "response.output_text.delta":',
  '        print(event.delta, end="", flush=True)',
];

// A string of JSON's is one of Python's as well.
function pythonValue(value, depth) {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value !== "object") return JSON.stringify(value);
  const isList = Array.isArray(value);
  const inside = isList
    ? value.map((each) => pythonValue(each, depth + 1))
    : Object.entries(value).map(([key, each]) => `${JSON.stringify(key)}: ${pythonValue(each, depth + 1)}`);
  const [open, close] = isList ? "[]" : "{}";
  if (!inside.length) return open + close;
  const indent = "    ".repeat(depth);
  return `${open}\n${inside.map((line) => `${indent}    ${line},\n`).join("")}${indent}${close}`;
}

function shortened(value) {
  if (Array.isArray(value)) return value.map(shortened);
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, shortened(each)]));
  }
  const isLong = typeof value === "string" && value.startsWith("data:") && value.length > LONGEST_DATA;
  return isLong ? `${value.slice(0, 40)}… (${Math.round(value.length / 1024)} kB are left out here)` : value;
}
