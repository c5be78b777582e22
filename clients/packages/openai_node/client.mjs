// openai, the package for node: a tool loop of one's own.

import OpenAI from "openai";
import { ResponsesWS } from "openai/resources/responses/ws";
import { getWeather, isContinued, isStored, run, task } from "./task.mjs";

const client = new OpenAI({ baseURL: task.base_url, apiKey: task.api_key, maxRetries: 0 });
const tools = [
  {
    type: "function",
    name: "get_weather",
    description: "Tells the weather of a city.",
    strict: true,
    parameters: {
      type: "object",
      properties: { city: { type: "string" } },
      required: ["city"],
      additionalProperties: false,
    },
  },
];
const include = task.mode === "stateless" ? { include: ["reasoning.encrypted_content"] } : {};
const kept = isStored ? {} : { store: false, ...include };

// Returns the response that is asked for on a connection, once it is completed.
async function createOn(connection, body) {
  connection.send({ type: "response.create", ...body });
  for await (const event of connection) {
    if (event.type === "error" || event.type === "close") {
      throw event.error ?? new Error(`closed: ${event.code}`);
    }
    if (event.type === "message" && event.message.type === "response.completed") {
      return event.message.response;
    }
  }
}

async function create(model, input, previous, connection) {
  const reasoning = { effort: "low" };
  const body = { model, tools, reasoning, ...kept, input, previous_response_id: previous };
  if (connection) {
    return createOn(connection, body);
  }
  return task.stream ? client.responses.stream(body).finalResponse() : client.responses.create(body);
}

await run(async (model) => {
  const answers = [];
  const history = [];
  const connection = task.way === "websocket" ? new ResponsesWS(client) : null;
  let previous = null;
  for (const question of task.questions) {
    let added = [{ role: "user", content: question }];
    let response;
    while (added.length) {
      history.push(...added);
      response = await create(model, isContinued ? added : history, previous, connection);
      history.push(...response.output);
      previous = isContinued ? response.id : null;
      added = response.output
        .filter((item) => item.type === "function_call")
        .map((item) => ({
          type: "function_call_output",
          call_id: item.call_id,
          output: getWeather(JSON.parse(item.arguments)),
        }));
    }
    // A WebSocket's responses are as they came, without what the package adds to others.
    const texts = response.output.filter((item) => item.type === "message");
    answers.push(texts.at(-1).content.at(-1).text);
  }
  connection?.close();
  return answers;
});
