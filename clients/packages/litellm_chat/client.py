"""LiteLLM's `completion()`, which frameworks of Chat Completions call, bridged to Responses."""

from __future__ import annotations

import json
from typing import Any

import litellm
from task import TASK, run

TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Tells the weather of a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}
KEPT: dict[str, Any] = (
    {"store": False, "include": ["reasoning.encrypted_content"]} if TASK.mode == "stateless" else {}
)


def create(model: str, messages: list[Any]) -> Any:
    """Return the model's message, in whichever way it is to come."""
    answer: Any = litellm.completion(
        model=f"openai/responses/{model}",
        messages=messages,
        api_base=TASK.base_url,
        api_key=TASK.api_key,
        tools=[TOOL],
        reasoning_effort="low",
        stream=TASK.stream,
        num_retries=0,
        **KEPT,
    )
    if TASK.stream:
        answer = litellm.stream_chunk_builder(list(answer))
    return answer.choices[0].message


def converse(model: str) -> list[str]:
    """Have the conversation."""
    answers = []
    messages: list[Any] = []
    for question in TASK.questions:
        new: list[Any] = [{"role": "user", "content": question}]
        while new:
            messages += new
            made = create(model, messages)
            messages.append(made.model_dump(exclude_none=True))
            new = [
                {
                    "role": "tool",
                    "tool_call_id": call.id,
                    "content": TASK.get_weather(**json.loads(call.function.arguments)),
                }
                for call in made.tool_calls or ()
            ]
        answers.append(made.content)
    return answers


run(converse)
