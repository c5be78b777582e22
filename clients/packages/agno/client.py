"""Agno: its agent on its model of Open Responses, which sends all of the history each time."""

from __future__ import annotations

from agno.agent import Agent
from agno.db.in_memory import InMemoryDb
from agno.models.openai import OpenResponses
from task import TASK, run


def get_weather(city: str) -> str:
    """Tells the weather of a city."""
    return TASK.get_weather(city)


def converse(model: str) -> list[str]:
    """Have the conversation."""
    agent = Agent(
        model=OpenResponses(
            id=model,
            base_url=TASK.base_url,
            api_key=TASK.api_key,
            max_retries=0,
            store=TASK.mode != "stateless",
            reasoning={"effort": "low"},
            include=None if TASK.mode != "stateless" else ["reasoning.encrypted_content"],
        ),
        tools=[get_weather],
        db=InMemoryDb(),
        add_history_to_context=True,
        telemetry=False,
    )
    answers = []
    for question in TASK.questions:
        if TASK.stream:
            *_, ended = agent.run(question, stream=True, yield_run_output=True)
        else:
            ended = agent.run(question)
        answers.append(str(ended.messages[-1].content))
    return answers


run(converse)
