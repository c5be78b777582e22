"""openai, the Python package: its tool runner, which runs what its own stream has checked."""

from __future__ import annotations

from typing import Any

import openai
from openai.lib.responses_tool_runner import (
    RegisteredFunction,
    ResponsesToolCheckpoint,
    ResponsesToolLedger,
    ResponsesToolRunner,
)
from task import TASK, run

TOOL: Any = {
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
    {"store": False, "include": ["reasoning.encrypted_content"]} if TASK.mode == "stateless" else {}
)
client = openai.OpenAI(base_url=TASK.base_url, api_key=TASK.api_key, max_retries=0)


def converse(model: str) -> list[str]:
    """Have the conversation: each question is a run, which is given all that was said."""
    answers = []
    history: list[Any] = []
    for number, question in enumerate(TASK.questions):
        saved: list[ResponsesToolCheckpoint] = []
        function = RegisteredFunction(TOOL, lambda given: TASK.get_weather(str(given["city"])))
        asked: Any = {
            "model": model,
            "input": [*history, {"role": "user", "content": question}],
            "reasoning": {"effort": "low"},
            **KEPT,
        }
        response = ResponsesToolRunner(functions=[function]).run(
            client,
            asked,
            max_steps=5,
            stream=TASK.stream,
            eager=TASK.stream,  # a call is run as soon as its item is done
            ledger=ResponsesToolLedger(f"run {number}", saved.append),
        )
        said = [item.to_dict() for item in response.output]  # not in the history of the run's end
        history = [*saved[-1]["history"], *said]
        answers.append(response.output_text)
    return answers


run(converse)
