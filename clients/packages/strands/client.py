"""Strands: its agent on its Responses model, which streams always.

Stateful, it sends the history of the tool loop and previous_response_id. It sends no reasoning.
"""

from __future__ import annotations

from strands import Agent, tool
from strands.models.openai_responses import OpenAIResponsesModel
from task import TASK, run


@tool
def get_weather(city: str) -> str:
    """Tell the weather of a city.

    Args:
        city: The city's name.
    """
    return TASK.get_weather(city)


def converse(model: str) -> list[str]:
    """Have the conversation."""
    params: dict[str, object] = {"reasoning": {"effort": "low"}}
    if not TASK.is_stored:
        params["include"] = ["reasoning.encrypted_content"]
    responses = OpenAIResponsesModel(
        client_args={"base_url": TASK.base_url, "api_key": TASK.api_key, "max_retries": 0},
        model_id=model,
        params=params,
        stateful=TASK.is_stored,
    )
    agent = Agent(model=responses, tools=[get_weather], callback_handler=None)
    return [str(agent(question)).strip() for question in TASK.questions]


run(converse)
