"""Pydantic AI: its agent on its Responses model."""

from __future__ import annotations

from collections.abc import AsyncIterable

from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIResponsesModel, OpenAIResponsesModelSettings
from pydantic_ai.profiles.openai import OpenAIModelProfile
from pydantic_ai.providers.openai import OpenAIProvider
from task import TASK, run_async

#: What the package knows of OpenAI's own models by their names: that they reason, and seal it.
PROFILE = OpenAIModelProfile(
    supports_thinking=True, openai_supports_encrypted_reasoning_content=True
)


async def converse(model: str) -> list[str]:
    """Have the conversation."""
    settings = OpenAIResponsesModelSettings(openai_reasoning_effort="low")
    if TASK.is_stored:
        settings["openai_previous_response_id"] = "auto"
    else:
        settings["openai_store"] = False
    provider = OpenAIProvider(base_url=TASK.base_url, api_key=TASK.api_key)
    agent = Agent(
        OpenAIResponsesModel(model, provider=provider, profile=PROFILE), model_settings=settings
    )

    @agent.tool_plain
    def get_weather(city: str) -> str:
        """Tells the weather of a city."""
        return TASK.get_weather(city)

    answers = []
    history = None
    for question in TASK.questions:
        ended = await agent.run(
            question, message_history=history, event_stream_handler=_listen if TASK.stream else None
        )
        answers.append(ended.output)
        history = ended.all_messages()
    return answers


async def _listen(_context: object, events: AsyncIterable[object]) -> None:
    """Take the events of a stream: with a listener the package streams each answer."""
    async for _ in events:
        pass


run_async(converse)
