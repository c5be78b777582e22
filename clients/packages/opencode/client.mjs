// opencode, the coding agent: its own shell tool, by its package of the AI SDK.

import { askedOneByOne, written } from "./program.mjs";
import { run, task } from "./task.mjs";

// What it has a model name its sessions by is another, or the titles would be answers of the story.
const titles = (model) => model.replace(/^gpt-5-/, "house-");

function config(model) {
  const limit = { context: 200_000, output: 8_000 };
  const models = {
    [model]: { name: model, reasoning: true, tool_call: true, limit },
    [titles(model)]: { name: "titles", limit },
  };
  const options = { baseURL: task.base_url, apiKey: task.api_key };
  return JSON.stringify({
    provider: { gateway: { npm: "@ai-sdk/openai", name: "Gateway", options, models } },
    model: `gateway/${model}`,
    small_model: `gateway/${titles(model)}`,
    permission: { bash: "allow" },
    autoupdate: false,
    share: "disabled",
  });
}

await run(async (model) => {
  const env = { OPENCODE_CONFIG_CONTENT: config(model), OPENCODE_DISABLE_MODELS_FETCH: "1" };
  return askedOneByOne((question, goesOn) => {
    const again = goesOn ? ["--continue"] : [];
    const lines = written("opencode", ["run", "--format", "json", ...again, question], env).split("\n");
    const texts = lines.map((line) => JSON.parse(line)).filter((event) => event.type === "text");
    return texts.at(-1)?.part.text;
  });
});
