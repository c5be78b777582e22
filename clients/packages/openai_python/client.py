"""openai, the Python package: a tool loop of one's own."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Generator
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
#: Takes a request's parameters out, and the response in; returns the answers to the questions.
Conversation = Generator[dict[str, Any], Any, list[str]]

HOW = {"base_url": TASK.base_url, "api_key": TASK.api_key, "max_retries": 0}
client = openai.OpenAI(**HOW)
KEPT: dict[str, Any] = {} if TASK.is_stored else {"store": False}
if TASK.mode == "stateless":
    KEPT["include"] = ["reasoning.encrypted_content"]


def conversation(model: str) -> Conversation:
    """Have the conversation, whichever way the responses come."""
    answers = []
    history: list[Any] = []
    previous = None
    for question in TASK.questions:
        new: list[Any] = [{"role": "user", "content": question}]
        while new:
            history += new
            asked = {"model": model, "tools": [TOOL], "reasoning": {"effort": "low"}, **KEPT}
            asked["input"] = new if TASK.is_continued else history
            if previous:
                asked["previous_response_id"] = previous
            response = yield asked
            history += [item.model_dump(exclude_none=True) for item in response.output]
            previous = response.id if TASK.is_continued else None
            new = outputs(response)
        answers.append(response.output_text)
    return answers


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


def create(asked: dict[str, Any]) -> Any:
    """Return a response that is asked for by POST."""
    if TASK.stream:
        with client.responses.stream(**asked) as stream:
            return stream.get_final_response()
    if TASK.mode != "background":
        return client.responses.create(**asked)
    response = client.responses.create(background=True, **asked)
    while response.status in ("queued", "in_progress"):
        time.sleep(0.05)
        response = client.responses.retrieve(response.id)
    return response


def ended(event: Any) -> Any:
    """Return the response that an event ends, if it ends one.

    Raises:
        ValueError: it is an error.
    """
    if event.type in ("error", "response.failed", "response.incomplete"):
        raise ValueError(event.to_json())
    return event.response if event.type == "response.completed" else None


def create_on(connection: Any, asked: dict[str, Any]) -> Any:
    """Return a response that is asked for on a connection."""
    connection.response.create(**asked)
    return next(response for event in connection if (response := ended(event)))


def converse(model: str) -> list[str]:
    """Have the conversation."""
    if TASK.way == "websocket":
        with client.responses.connect() as connection:
            return conversed(model, lambda asked: create_on(connection, asked))
    if TASK.way == "websocket, async":
        return asyncio.run(converse_asynchronously(model))
    return conversed(model, create)


def conversed(model: str, answer: Any) -> list[str]:
    """Have the conversation with what answers a request."""
    talk = conversation(model)
    response = None
    while True:
        try:
            response = answer(talk.send(response))
        except StopIteration as end:
            return end.value


async def converse_asynchronously(model: str) -> list[str]:
    """Have the conversation on a connection of the asynchronous client's."""
    talk = conversation(model)
    response = None
    async with openai.AsyncOpenAI(**HOW) as one, one.responses.connect() as connection:
        while True:
            try:
                asked = talk.send(response)
            except StopIteration as end:
                return end.value
            await connection.response.create(**asked)
            async for event in connection:
                if response := ended(event):
                    break


run(converse)
