// @openai/agents with what it has: a handoff, every kind of tool that it runs, and sessions.

import {
  Agent,
  applyPatchTool,
  handoff,
  MemorySession,
  OpenAIConversationsSession,
  OpenAIResponsesCompactionSession,
  OpenAIResponsesModel,
  OpenAIResponsesWSModel,
  run as answer,
  setTracingDisabled,
  shellTool,
  tool,
  toolNamespace,
  toolSearchTool,
} from "@openai/agents";
import OpenAI from "openai";
import { WebSocket } from "ws";
import { z } from "zod";
import { getWeather, run, task } from "./task.mjs";

setTracingDisabled(true);
// Which it takes from the runtime: node has none before 22.
globalThis.WebSocket ??= WebSocket;
const connections = [];
const client = new OpenAI({ baseURL: task.base_url, apiKey: task.api_key, maxRetries: 0 });
const result = (what) => getWeather({ city: what });
const weather = tool({
  name: "get_weather",
  description: "Tells the weather of a city.",
  parameters: z.object({ city: z.string() }),
  execute: ({ city }) => result(city),
});
const lookUp = tool({
  name: "look_up",
  description: "Looks a customer up.",
  parameters: z.object({ name: z.string() }),
  execute: ({ name }) => result(name),
});
const findOffer = tool({
  name: "find_offer",
  description: "Finds a customer's offer.",
  parameters: z.object({ name: z.string() }),
  deferLoading: true,
  execute: ({ name }) => result(name),
});
const changed = async ({ path }) => ({ output: result(path) });
const ran = (command) => ({
  stdout: result(command),
  stderr: "",
  outcome: { type: "exit", exitCode: 0 },
});

// Returns the package's model; those on WebSockets have to be closed.
function modelOf(name) {
  if (task.way !== "websocket") {
    return new OpenAIResponsesModel(client, name);
  }
  const connected = new OpenAIResponsesWSModel(client, name);
  connections.push(connected);
  return connected;
}

function agent(model) {
  const kept =
    task.mode === "conversation"
      ? {}
      : { store: false, providerData: { include: ["reasoning.encrypted_content"] } };
  const more = {
    model: modelOf(model),
    modelSettings: { reasoning: { effort: "low" }, ...kept },
  };
  const worker = new Agent({
    name: "Worker",
    instructions: "You do what has to be done.",
    tools: [
      ...toolNamespace({ name: "crm", description: "Customers.", tools: [lookUp] }),
      findOffer,
      toolSearchTool(),
      shellTool({ shell: { run: async ({ commands }) => ({ output: commands.map(ran) }) } }),
      applyPatchTool({
        editor: { createFile: changed, updateFile: changed, deleteFile: changed },
      }),
    ],
    ...more,
  });
  return new Agent({
    name: "Weather",
    instructions: "You know the weather.",
    tools: [weather],
    handoffs: [handoff(worker, { toolNameOverride: "transfer_to_worker" })],
    ...more,
  });
}

function session(model) {
  switch (task.mode) {
    case "conversation":
      return new OpenAIConversationsSession({ client });
    case "compacted":
      return new OpenAIResponsesCompactionSession({ client, model });
    default:
      return new MemorySession();
  }
}

await run(async (model) => {
  const asked = agent(model);
  const kept = session(model);
  const answers = [];
  for (const question of task.questions) {
    const given = await answer(asked, question, { session: kept, stream: task.stream });
    if (task.stream) {
      for await (const _ of given) {
        // read to its end
      }
      await given.completed;
    }
    answers.push(given.finalOutput);
  }
  await Promise.all(connections.splice(0).map((each) => each.close()));
  return answers;
});
