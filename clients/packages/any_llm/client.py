"""any-llm: its `responses()`, with a tool loop of one's own."""

from __future__ import annotations

import json
from typing import Any

from any_llm import responses
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
KEPT: dict[str, Any] = (
    {} if TASK.is_stored else {"store": False, "include": ["reasoning.encrypted_content"]}
)


def create(model: str, items: list[Any], previous: str | None) -> Any:
    """Return the response, in whichever way it is to come."""
    answer: Any = responses(
        model=model,
        provider="openai",
        input_data=items,
        api_base=TASK.base_url,
        api_key=TASK.api_key,
        tools=[TOOL],
        reasoning={"effort": "low"},
        previous_response_id=previous,
        stream=TASK.stream,
        client_args={"max_retries": 0},
        **KEPT,
    )
    if not TASK.stream:
        return answer
    *_, last = (event for event in answer if event.type == "response.completed")
    return last.response


def plain(item: Any) -> dict[str, Any]:
    """Return an item as JSON, whichever of its classes the package has made of it."""
    given: dict[str, Any] = item if isinstance(item, dict) else item.model_dump(exclude_none=True)
    return given


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
            made = [plain(item) for item in response.output]
            history += made
            previous = response.id if TASK.is_stored else None
            new = [
                {
                    "type": "function_call_output",
                    "call_id": item["call_id"],
                    "output": TASK.get_weather(**json.loads(item["arguments"])),
                }
                for item in made
                if item["type"] == "function_call"
            ]
        answers.append(response.output_text)
    return answers


run(converse)
