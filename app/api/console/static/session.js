// The key: it is in this tab's sessionStorage and in request headers, and nowhere else.

const KEY = "console.key";
const CONTENT_KEY = "console.content-key";
const MESSAGE = "console.message";

// What the gateway says of the key, once it is signed in with.
export const facts = {};

export class SignedOut extends Error {}

export function isSignedIn() {
  return sessionStorage.getItem(KEY) !== null;
}

// What a header can hold: a key with anything else in it is none.
export function canBeSent(text) {
  return /^[\x21-\x7e]+$/.test(text);
}

export function keep(key, contentKey) {
  sessionStorage.setItem(KEY, key);
  if (contentKey) sessionStorage.setItem(CONTENT_KEY, JSON.stringify(contentKey));
  else sessionStorage.removeItem(CONTENT_KEY);
}

export function forget() {
  sessionStorage.removeItem(KEY);
  sessionStorage.removeItem(CONTENT_KEY);
}

// The page is loaded anew, so that nothing of what it showed is left in it.
export function signOut(message = "") {
  forget();
  if (message) sessionStorage.setItem(MESSAGE, message);
  location.reload();
}

export function takeMessage() {
  const message = sessionStorage.getItem(MESSAGE) ?? "";
  sessionStorage.removeItem(MESSAGE);
  return message;
}

export function keyHeaders() {
  const headers = { Authorization: `Bearer ${sessionStorage.getItem(KEY) ?? ""}` };
  const contentKey = JSON.parse(sessionStorage.getItem(CONTENT_KEY) ?? "null");
  if (contentKey) headers[contentKey.header] = contentKey.value;
  return headers;
}
