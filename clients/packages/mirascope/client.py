"""Mirascope: its calls on Responses, which send all of the history each time.

It says nothing of `store`, nor asks for encrypted reasoning.
"""

from __future__ import annotations

from mirascope import llm
from task import TASK, run

llm.register_provider("openai", base_url=TASK.base_url, api_key=TASK.api_key)


@llm.tool
def get_weather(city: str) -> str:
    """Tells the weather of a city."""
    return TASK.get_weather(city)


def converse(model: str) -> list[str]:
    """Have the conversation."""
    # The package takes a vendor from before the slash, and the API from behind the colon.
    asked = llm.model(f"openai/{model}:responses", thinking={"level": "low"})
    answers = []
    history: list[llm.Message] = []
    for question in TASK.questions:
        history.append(llm.messages.user(question))
        if TASK.stream:
            stream = asked.stream(history, tools=[get_weather])
            stream.finish()
            while stream.tool_calls:
                stream = stream.resume(stream.execute_tools())
                stream.finish()
            history, answer = list(stream.messages), stream.text()
        else:
            response = asked.call(history, tools=[get_weather])
            while response.tool_calls:
                response = response.resume(response.execute_tools())
            history, answer = list(response.messages), response.text()
        answers.append(answer)
    return answers


run(converse)
