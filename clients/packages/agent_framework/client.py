"""Microsoft's Agent Framework: its agent on its Responses client."""

from __future__ import annotations

from typing import Any

from agent_framework import Agent
from agent_framework.openai import OpenAIChatClient
from task import TASK, run_async


def get_weather(city: str) -> str:
    """Tells the weather of a city."""
    return TASK.get_weather(city)


async def converse(model: str) -> list[str]:
    """Have the conversation."""
    options: dict[str, Any] = {"reasoning": {"effort": "low"}, "store": TASK.is_stored}
    agent = Agent(
        client=OpenAIChatClient(model=model, base_url=TASK.base_url, api_key=TASK.api_key),
        instructions="You know the weather.",
        tools=[get_weather],
        default_options=options,
    )
    session = agent.create_session()
    answers = []
    for question in TASK.questions:
        if TASK.stream:
            stream = agent.run(question, session=session, stream=True)
            async for _ in stream:
                pass
            answer = await stream.get_final_response()
        else:
            answer = await agent.run(question, session=session)
        answers.append(answer.messages[-1].text)
    return answers


run_async(converse)
