"""llm, the program and package: a conversation with its own tool loop."""

from __future__ import annotations

from llm.default_plugins.openai_models import Responses
from task import TASK, run


def get_weather(city: str) -> str:
    """Tell the weather of a city."""
    return TASK.get_weather(city)


def converse(model: str) -> list[str]:
    """Have the conversation."""
    responses = Responses(
        model_id=model,
        model_name=model,
        api_base=TASK.base_url,
        reasoning=True,
        supports_tools=True,
        can_stream=TASK.stream,
    )
    responses.key = TASK.api_key
    conversation = responses.conversation(tools=[get_weather])
    answers = []
    for question in TASK.questions:
        *_, last = conversation.chain(question, stream=TASK.stream).responses()
        answers.append(last.text())
    return answers


run(converse)
