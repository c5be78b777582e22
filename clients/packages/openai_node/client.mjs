// openai, the package for node: a tool loop of one's own.

import OpenAI from "openai";
import { getWeather, isStored, run, task } from "./task.mjs";

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
const kept = isStored ? {} : { store: false, include: ["reasoning.encrypted_content"] };

async function create(model, input, previous) {
  const reasoning = { effort: "low" };
  const body = { model, tools, reasoning, ...kept, input, previous_response_id: previous };
  return task.stream ? client.responses.stream(body).finalResponse() : client.responses.create(body);
}

await run(async (model) => {
  const answers = [];
  const history = [];
  let previous = null;
  for (const question of task.questions) {
    let added = [{ role: "user", content: question }];
    let response;
    while (added.length) {
      history.push(...added);
      response = await create(model, isStored ? added : history, previous);
      history.push(...response.output);
      previous = isStored ? response.id : null;
      added = response.output
        .filter((item) => item.type === "function_call")
        .map((item) => ({
          type: "function_call_output",
          call_id: item.call_id,
          output: getWeather(JSON.parse(item.arguments)),
        }));
    }
    answers.push(response.output_text);
  }
  return answers;
});
