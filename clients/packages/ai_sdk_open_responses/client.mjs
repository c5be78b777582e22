// Vercel's AI SDK with its provider of Open Responses, which sends all of the history each time, and
// says nothing of `store`, nor asks for encrypted reasoning.

import { createOpenResponses } from "@ai-sdk/open-responses";
import { generateText, isStepCount, streamText, tool } from "ai";
import { z } from "zod";
import { getWeather, run, task } from "./task.mjs";

const gateway = createOpenResponses({
  name: "gateway",
  url: `${task.base_url}/responses`,
  apiKey: task.api_key,
});
const options = {
  tools: {
    get_weather: tool({
      description: "Tells the weather of a city.",
      inputSchema: z.object({ city: z.string() }),
      execute: async (input) => getWeather(input),
    }),
  },
  providerOptions: { gateway: { reasoningEffort: "low", reasoningSummary: "auto" } },
  stopWhen: isStepCount(5),
  maxRetries: 0,
};

async function answer(model, messages) {
  const request = { ...options, model: gateway(model), messages };
  if (!task.stream) {
    const result = await generateText(request);
    return { text: result.text, made: result.responseMessages };
  }
  let failure;
  const result = streamText({ ...request, onError: ({ error }) => (failure = error) });
  await result.consumeStream();
  if (failure) throw failure;
  return { text: await result.text, made: await result.responseMessages };
}

await run(async (model) => {
  const answers = [];
  const messages = [];
  for (const question of task.questions) {
    messages.push({ role: "user", content: question });
    const { text, made } = await answer(model, messages);
    messages.push(...made);
    answers.push(text);
  }
  return answers;
});
