// The images of the message that is being written.

import { byId, fill, h, toast } from "./dom.js";

// A request may have 32 MiB, and base64 makes a third more of it.
const MOST_BYTES = 20 * 1024 * 1024;

let chosen = [];
let changed = () => {};

export const images = () => chosen.map(({ url }) => url);

images.clear = () => {
  chosen = [];
  draw();
};

export function readPictures(onChange) {
  changed = onChange;
  byId("image-files").addEventListener("change", readFiles);
  byId("image-add").addEventListener("click", addAddress);
  byId("image-url").addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    addAddress();
  });
}

async function readFiles({ target }) {
  for (const file of target.files) {
    const bytes = chosen.reduce((sum, { url }) => sum + url.length, 0) + file.size;
    if (!file.type.startsWith("image/")) toast(`${file.name} is no image.`);
    else if (bytes > MOST_BYTES) toast(`${file.name} is too much: 20 MiB can be sent.`);
    else chosen.push({ name: file.name, url: await dataUrl(file) });
  }
  target.value = "";
  draw();
}

function dataUrl(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}

function addAddress() {
  const field = byId("image-url");
  const url = field.value.trim();
  if (!/^(https?:\/\/|data:image\/)/.test(url)) {
    field.setAttribute("aria-invalid", "true");
    toast("The address of an image begins with https://");
    return;
  }
  field.removeAttribute("aria-invalid");
  chosen.push({ name: url.slice(0, 60), url });
  field.value = "";
  draw();
}

function draw() {
  fill(
    byId("image-list"),
    chosen.map((each) =>
      h("li", { class: "chip" },
        each.url.startsWith("data:image/") && h("img", { src: each.url, alt: "", class: "thumb" }),
        each.name,
        h("button", { type: "button", class: "remove", "aria-label": `Remove ${each.name}`, on: { click: () => remove(each) } }, "×")),
    ),
  );
  changed();
}

function remove(each) {
  chosen = chosen.filter((other) => other !== each);
  draw();
  byId("image-url").focus();
}
