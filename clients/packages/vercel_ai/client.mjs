// Vercel's AI SDK with its OpenAI provider, which speaks Responses.

import { createOpenAI } from "@ai-sdk/openai";
import { generateText, isStepCount, streamText, tool } from "ai";
import { z } from "zod";
import { getWeather, isStored, run, task } from "./task.mjs";

const openai = createOpenAI({ baseURL: task.base_url, apiKey: task.api_key });
const options = isStored
  ? { reasoningEffort: "low", reasoningSummary: "auto" }
  : {
      reasoningEffort: "low",
      reasoningSummary: "auto",
      store: false,
      include: ["reasoning.encrypted_content"],
    };
const asked = {
  tools: {
    get_weather: tool({
      description: "Tells the weather of a city.",
      inputSchema: z.object({ city: z.string() }),
      execute: async (input) => getWeather(input),
    }),
  },
  providerOptions: { openai: options },
  stopWhen: isStepCount(5),
  maxRetries: 0,
};

async function answer(model, messages) {
  const request = { ...asked, model: openai.responses(model), messages };
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
