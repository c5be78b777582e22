// LangChain for node: ChatOpenAI on Responses, with a tool loop of one's own.

import { HumanMessage, ToolMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { ChatOpenAI } from "@langchain/openai";
import { z } from "zod";
import { getWeather, isStored, run, task } from "./task.mjs";

const weather = tool(getWeather, {
  name: "get_weather",
  description: "Tells the weather of a city.",
  schema: z.object({ city: z.string() }),
});

await run(async (model) => {
  const chat = new ChatOpenAI({
    model,
    apiKey: task.api_key,
    configuration: { baseURL: task.base_url },
    useResponsesApi: true,
    zdrEnabled: !isStored, // store: false
    reasoning: { effort: "low" },
    streaming: task.stream,
    maxRetries: 0,
  }).bindTools([weather]);
  const answers = [];
  const history = [];
  let previous;
  for (const question of task.questions) {
    let added = [new HumanMessage(question)];
    let answer;
    while (added.length > 0) {
      history.push(...added);
      const options = isStored
        ? { previous_response_id: previous }
        : { include: ["reasoning.encrypted_content"] };
      answer = await chat.invoke(isStored ? added : history, options);
      history.push(answer);
      previous = answer.response_metadata.id;
      added = answer.tool_calls.map(
        (call) => new ToolMessage({ content: getWeather(call.args), tool_call_id: call.id }),
      );
    }
    answers.push(answer.text);
  }
  return answers;
});
