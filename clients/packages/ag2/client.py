"""AG2: its Agent, on its own configuration of Responses."""

from __future__ import annotations

from typing import Any

from ag2 import Agent
from ag2.config import OpenAIResponsesConfig
from task import TASK, run_async


def get_weather(city: str) -> str:
    """Tells the weather of a city."""
    return TASK.get_weather(city)


async def converse(model: str) -> list[str]:
    """Have the conversation."""
    config = OpenAIResponsesConfig(
        model=model,
        base_url=TASK.base_url,
        api_key=TASK.api_key,
        max_retries=0,
        streaming=TASK.stream,
        store=TASK.mode != "stateless",
        reasoning={"effort": "low"},
    )
    reached: Any = Agent("Weather", prompt="You know.", config=config, tools=[get_weather])
    answers = []
    for question in TASK.questions:
        reached = await reached.ask(question)  # what an agent replies can be asked again
        answers.append(reached.body)
    return answers


run_async(converse)
