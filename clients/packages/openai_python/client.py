"""openai, the Python package: a tool loop of one's own."""

from __future__ import annotations

import json
import time
from typing import Any

import openai
from task import TASK, run

TOOL = {
    "type": "function",
    "name": "get_weather",
    "description": "Tells the weather of a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
    "strict": True,
}

client = openai.OpenAI(base_url=TASK.base_url, api_key=TASK.api_key, max_retries=0)
KEPT: dict[str, Any] = (
    {} if TASK.is_stored else {"store": False, "include": ["reasoning.encrypted_content"]}
)


def create(model: str, items: list[Any], previous: str | None) -> Any:
    """Return the response, in whichever way it is to come."""
    asked: dict[str, Any] = {"model": model, "tools": [TOOL], "reasoning": {"effort": "low"}}
    asked |= KEPT
    if previous:
        asked["previous_response_id"] = previous
    if TASK.stream:
        with client.responses.stream(input=items, **asked) as stream:
            return stream.get_final_response()
    if TASK.mode != "background":
        return client.responses.create(input=items, **asked)
    response = client.responses.create(input=items, background=True, **asked)
    while response.status in ("queued", "in_progress"):
        time.sleep(0.05)
        response = client.responses.retrieve(response.id)
    return response


def outputs(response: Any) -> list[Any]:
    """Return an output for each call."""
    return [
        {
            "type": "function_call_output",
            "call_id": item.call_id,
            "output": TASK.get_weather(**json.loads(item.arguments)),
        }
        for item in response.output
        if item.type == "function_call"
    ]


def converse(model: str) -> list[str]:
    """Have the conversation."""
    answers = []
    history: list[Any] = []
    previous = None
    for question in TASK.questions:
        new: list[Any] = [{"role": "user", "content": question}]
        while new:
            history += new
            response = create(model, new if TASK.is_stored else history, previous)
            history += [item.model_dump(exclude_none=True) for item in response.output]
            previous = response.id if TASK.is_stored else None
            new = outputs(response)
        answers.append(response.output_text)
    return answers


run(converse)
