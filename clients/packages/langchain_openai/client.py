"""langchain-openai: ChatOpenAI on Responses, with a tool loop of one's own."""

from __future__ import annotations

from typing import Any

from langchain_core.messages import BaseMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from task import TASK, run


@tool
def get_weather(city: str) -> str:
    """Tells the weather of a city."""
    return TASK.get_weather(city)


def converse(model: str) -> list[str]:
    """Have the conversation."""
    kept: dict[str, Any] = (
        {"use_previous_response_id": True}
        if TASK.is_stored
        else {"store": False, "include": ["reasoning.encrypted_content"]}
    )
    chat = ChatOpenAI(
        model=model,
        base_url=TASK.base_url,
        api_key=TASK.api_key,
        max_retries=0,
        use_responses_api=True,
        output_version="responses/v1",
        reasoning={"effort": "low"},
        streaming=TASK.stream,
        **kept,
    ).bind_tools([get_weather])
    answers = []
    history: list[BaseMessage] = []
    for question in TASK.questions:
        history.append(HumanMessage(question))
        answer = chat.invoke(history)
        history.append(answer)
        while answer.tool_calls:
            history += [
                ToolMessage(get_weather.invoke(call["args"]), tool_call_id=call["id"])
                for call in answer.tool_calls
            ]
            answer = chat.invoke(history)
            history.append(answer)
        answers.append(str(answer.text))
    return answers


run(converse)
