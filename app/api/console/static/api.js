// Calls to the gateway that served this page, with the key of this tab.

import { SignedOut, facts, isSignedIn, keyHeaders, signOut } from "./session.js";

// Where the gateway is: this file is at console/static/ there.
export const ROOT = new URL("../../", import.meta.url);
export const API = new URL("v1", ROOT).href;

const TERMINAL = new Set(["response.completed", "response.incomplete", "response.failed"]);

export class ApiError extends Error {
  constructor(status, error, requestId) {
    super(error?.message ?? `The gateway answered with status ${status}.`);
    Object.assign(this, { status, code: error?.code, param: error?.param, requestId });
  }
}

// No answer came, or it broke off.
export class Unreachable extends Error {
  constructor() {
    super("The gateway cannot be reached.");
  }
}

export async function call(method, path, options = {}) {
  const answer = await send(method, path, options);
  return answer.json().catch(ofAnother);
}

export const get = (path, query, signal) => call("GET", path, { query, signal });

// Yields the events of a stream, each as its JSON; a comment, or [DONE], is none.
export async function* events(method, path, options = {}) {
  const answer = await send(method, path, options);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read().catch(ofNetwork);
      if (done) return;
      const frames = (rest + value).split("\n\n");
      rest = frames.pop();
      for (const frame of frames) {
        const data = dataOf(frame);
        if (data && data !== "[DONE]") yield JSON.parse(data);
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

// Yields the events of a stored response from its first one on; a connection that is lost is made
// anew, and goes on behind the last event that came.
export async function* follow(id, signal) {
  let last = -1;
  for (let lost = 0; ; ) {
    try {
      const query = { stream: "true", ...(last >= 0 && { starting_after: last }) };
      for await (const event of events("GET", `v1/responses/${id}`, { query, signal })) {
        last = event.sequence_number ?? last;
        lost = 0;
        yield event;
        if (TERMINAL.has(event.type)) return;
      }
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
    }
    if (++lost > 5) throw new Error("The connection was lost, and could not be made again.");
    await pause(500 * lost, signal);
  }
}

export function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}

async function send(method, path, { body, query, signal } = {}) {
  if (!isSignedIn()) throw new SignedOut();
  const url = new URL(path, ROOT);
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== "" && value !== undefined) url.searchParams.append(name, value);
  }
  const headers = keyHeaders();
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const answer = await fetch(url, {
    method,
    headers,
    body: body === undefined ? undefined : JSON.stringify(body),
    signal,
    cache: "no-store",
    credentials: "omit",
    redirect: "error",
    referrerPolicy: "no-referrer",
  }).catch(ofNetwork);
  if (answer.ok) return answer;
  const { error } = await answer.json().catch(() => ({}));
  if (answer.status === 401) {
    const words = error?.message ?? "The key is not accepted.";
    signOut(facts.account ? `You are signed out. ${words}` : words);
    throw new SignedOut();
  }
  throw new ApiError(answer.status, error, answer.headers.get("X-Request-ID"));
}

// Of fetch a TypeError is the network's; another is a stop.
function ofNetwork(error) {
  throw error instanceof TypeError ? new Unreachable() : error;
}

// A page of a proxy's, such as its sign-in, may come with status 200.
function ofAnother(error) {
  if (!(error instanceof SyntaxError)) ofNetwork(error);
  throw new Error("The answer is not the gateway's: something between here and it has answered in its place.");
}

function dataOf(frame) {
  const lines = frame.split("\n").filter((line) => line.startsWith("data:"));
  return lines.map((line) => line.slice(line[5] === " " ? 6 : 5)).join("\n");
}
