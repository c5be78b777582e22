"""openai-agents: its Runner, on its own Responses model."""

from __future__ import annotations

from typing import Any

from agents import (
    Agent,
    ModelSettings,
    OpenAIResponsesModel,
    OpenAIResponsesWSModel,
    Runner,
    function_tool,
)
from openai import AsyncOpenAI
from openai.types.shared import Reasoning
from task import TASK, run_async

get_weather = function_tool(TASK.get_weather, name_override="get_weather")


async def converse(model: str) -> list[str]:
    """Have the conversation."""
    client = AsyncOpenAI(base_url=TASK.base_url, api_key=TASK.api_key, max_retries=0)
    settings = ModelSettings(reasoning=Reasoning(effort="low"))
    if TASK.mode == "stateless":
        settings.response_include = ["reasoning.encrypted_content"]
    if TASK.mode in ("stateless", "connected"):
        settings.store = False
    kind = OpenAIResponsesWSModel if TASK.is_websocket else OpenAIResponsesModel
    reached = kind(model=model, openai_client=client)
    agent = Agent(
        name="Weather",
        instructions="You know the weather.",
        model=reached,
        model_settings=settings,
        tools=[get_weather],
    )
    answers: list[str] = []
    history: list[Any] = []
    previous = None
    for question in TASK.questions:
        asked = [*history, {"role": "user", "content": question}]
        if TASK.is_continued:
            more = {"previous_response_id": previous, "auto_previous_response_id": True}
        else:
            more = {}
        if TASK.stream:
            result: Any = Runner.run_streamed(agent, asked, **more)
            async for _ in result.stream_events():
                pass
        else:
            result = await Runner.run(agent, asked, **more)
        previous = result.last_response_id
        history = [] if TASK.is_continued else result.to_input_list()
        answers.append(result.final_output)
    await reached.close()
    return answers


run_async(converse)
