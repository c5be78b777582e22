// pi, the coding agent: its own shell tool.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { askedOneByOne, written } from "./program.mjs";
import { run, task } from "./task.mjs";

const folder = join(process.env.HOME, ".pi", "agent");
mkdirSync(folder, { recursive: true });
const models = task.models.map((id) => ({
  id,
  reasoning: true,
  input: ["text"],
  contextWindow: 200_000,
  maxTokens: 8_000,
  cost: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 },
}));
const provider = { baseUrl: task.base_url, api: "openai-responses", apiKey: task.api_key, models };
writeFileSync(join(folder, "models.json"), JSON.stringify({ providers: { gateway: provider } }));

await run(async (model) =>
  askedOneByOne((question, goesOn) => {
    const again = goesOn ? ["--continue"] : [];
    const how = ["--provider", "gateway", "--model", model, "--thinking", "low", ...again];
    return written("pi", [...how, "--print", question], { PI_OFFLINE: "1" });
  }),
);
