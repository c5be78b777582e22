// Continue's command line: its own shell tool.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { askedOneByOne, written } from "./program.mjs";
import { run, task } from "./task.mjs";

const file = join(process.env.HOME, "config.yaml");

// JSON is YAML, too.
const config = (model) => ({
  name: "gateway",
  version: "1.0.0",
  schema: "v1",
  models: [
    {
      name: model,
      provider: "openai",
      model,
      apiBase: task.base_url,
      apiKey: task.api_key,
      roles: ["chat"],
      capabilities: ["tool_use"],
    },
  ],
});

await run(async (model) => {
  writeFileSync(file, JSON.stringify(config(model)));
  return askedOneByOne((question, goesOn) => {
    const again = goesOn ? ["--resume"] : [];
    const how = ["--config", file, "--auto", ...again, "--print", question];
    return written("cn", how, { CONTINUE_TELEMETRY_ENABLED: "0" });
  });
});
