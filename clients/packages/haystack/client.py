"""Haystack: its generator of chats on Responses, with a tool loop of one's own."""

from __future__ import annotations

from typing import Any

from haystack.components.generators.chat import OpenAIResponsesChatGenerator
from haystack.dataclasses import ChatMessage
from haystack.tools import Tool
from haystack.utils import Secret
from task import TASK, run

TOOL = Tool(
    name="get_weather",
    description="Tells the weather of a city.",
    parameters={
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
    function=TASK.get_weather,
)


def listen(_chunk: object) -> None:
    """Take a piece of a stream: with a listener the package streams each answer."""


def converse(model: str) -> list[str]:
    """Have the conversation."""
    options: dict[str, Any] = {"reasoning": {"effort": "low"}}
    if not TASK.is_stored:
        options |= {"store": False, "include": ["reasoning.encrypted_content"]}
    generator = OpenAIResponsesChatGenerator(
        api_key=Secret.from_token(TASK.api_key),
        api_base_url=TASK.base_url,
        model=model,
        generation_kwargs=options,
        max_retries=0,
        tools=[TOOL],
        streaming_callback=listen if TASK.stream else None,
    )
    answers = []
    history: list[ChatMessage] = []
    previous: dict[str, Any] = {}
    for question in TASK.questions:
        new = [ChatMessage.from_user(question)]
        while new:
            history += new
            sent = new if TASK.is_stored else history
            (answer,) = generator.run(sent, generation_kwargs=previous)["replies"]
            history.append(answer)
            if TASK.is_stored:
                previous = {"previous_response_id": answer.meta["id"]}
            new = [
                ChatMessage.from_tool(TASK.get_weather(**call.arguments), origin=call)
                for call in answer.tool_calls
            ]
        answers.append(answer.text or "")
    return answers


run(converse)
