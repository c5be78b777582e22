"""LlamaIndex: its Responses model, with a tool loop of one's own.

With `store=False` the package sends no reasoning back.
"""

from __future__ import annotations

from llama_index.core.llms import ChatMessage, ChatResponse
from llama_index.core.tools import FunctionTool
from llama_index.llms.openai import OpenAIResponses
from task import TASK, run


def get_weather(city: str) -> str:
    """Tells the weather of a city."""
    return TASK.get_weather(city)


TOOL = FunctionTool.from_defaults(get_weather)


def ask(llm: OpenAIResponses, messages: list[ChatMessage]) -> ChatResponse:
    """Return the answer, in whichever way it is to come."""
    if not TASK.stream:
        return llm.chat_with_tools([TOOL], chat_history=messages, allow_parallel_tool_calls=True)
    *_, last = llm.stream_chat_with_tools(
        [TOOL], chat_history=messages, allow_parallel_tool_calls=True
    )
    return last


def converse(model: str) -> list[str]:
    """Have the conversation."""
    llm = OpenAIResponses(
        model=model,
        api_base=TASK.base_url,
        api_key=TASK.api_key,
        max_retries=0,
        context_window=100_000,
        reasoning_options={"effort": "low"},
        include=None if TASK.is_stored else ["reasoning.encrypted_content"],
        track_previous_responses=TASK.is_stored,
        store=TASK.is_stored,
    )
    answers = []
    history: list[ChatMessage] = []
    for question in TASK.questions:
        new = [ChatMessage(role="user", content=question)]
        while new:
            history += new
            answer = ask(llm, new if TASK.is_stored else history)
            history.append(answer.message)
            new = [
                ChatMessage(
                    role="tool",
                    content=get_weather(**call.tool_kwargs),
                    additional_kwargs={"call_id": call.tool_id},
                )
                for call in llm.get_tool_calls_from_response(answer, error_on_no_tool_call=False)
            ]
        answers.append(answer.message.content or "")
    return answers


run(converse)
