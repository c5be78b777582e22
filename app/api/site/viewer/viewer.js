// The API's document, shown by Swagger UI, with two things that it has not: a field for the key, and
// streams that are shown while they come. The key stays in this page: it is never stored.
(() => {
  "use strict";
  const element = (id) => document.getElementById(id);
  const live = element("live");
  let stop = () => {};

  const line = (type, data) => {
    const item = document.createElement("li");
    const name = document.createElement("b");
    name.textContent = type;
    item.append(name, " ", data);
    const list = element("live-events");
    list.append(item);
    list.scrollTop = list.scrollHeight;
  };

  // One event of the stream: "event: NAME" and "data: JSON" lines; comments keep it alive.
  const take = (frame) => {
    const fields = frame.split(/\r?\n/).filter((each) => !each.startsWith(":"));
    const data = fields
      .filter((each) => each.startsWith("data:"))
      .map((each) => each.slice(5).trimStart())
      .join("\n");
    if (!data) return 0;
    if (data === "[DONE]") {
      line("[DONE]", "");
      return 1;
    }
    try {
      const event = JSON.parse(data);
      if (event.type === "response.output_text.delta") element("live-text").append(event.delta);
      line(event.type ?? "message", data);
    } catch {
      line("message", data);
    }
    return 1;
  };

  const show = async (stream) => {
    const begun = performance.now();
    let count = 0;
    let rest = "";
    const tell = (end) => {
      const seconds = ((performance.now() - begun) / 1000).toFixed(1);
      element("live-count").textContent = `${count} events, ${seconds} s${end}`;
    };
    element("live-text").textContent = "";
    element("live-events").replaceChildren();
    live.hidden = false;
    try {
      const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        const frames = (rest + value).split(/\r?\n\r?\n/);
        rest = frames.pop();
        for (const frame of frames) count += take(frame);
        tell(" …");
      }
      tell("");
    } catch {
      tell(", stopped");
    }
    element("live-stop").disabled = true;
  };

  // Swagger UI reads an answer to its end before it shows it, so a stream is read twice.
  const fetchLive = async (url, options) => {
    const controller = new AbortController();
    const response = await fetch(url, { ...options, signal: controller.signal });
    const type = response.headers.get("content-type") ?? "";
    if (!type.startsWith("text/event-stream") || response.body === null) return response;
    const [shown, kept] = response.body.tee();
    stop = () => controller.abort();
    element("live-stop").disabled = false;
    show(shown);
    const { status, statusText, headers } = response;
    const whole = new Response(kept, { status, statusText, headers });
    Object.defineProperty(whole, "url", { value: response.url });
    return whole;
  };

  element("live-stop").addEventListener("click", () => stop());
  element("live-close").addEventListener("click", () => {
    stop();
    live.hidden = true;
  });

  const viewer = window.SwaggerUIBundle({
    url: new URL("../openapi.json", document.baseURI).href,
    domNode: element("viewer"),
    presets: [window.SwaggerUIBundle.presets.apis],
    layout: "BaseLayout",
    deepLinking: true,
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    defaultModelExpandDepth: 2,
    displayRequestDuration: true,
    showMutatedRequest: false, // the command line that is shown leaves the key out
    filter: true,
    tryItOutEnabled: true,
    validatorUrl: null,
    requestInterceptor: (request) => {
      const key = element("api-key").value.trim();
      if (!request.loadSpec) {
        request.userFetch = fetchLive;
        if (key && !request.headers.Authorization) request.headers.Authorization = `Bearer ${key}`;
      }
      return request;
    },
  });
  window.viewer = viewer;
})();
