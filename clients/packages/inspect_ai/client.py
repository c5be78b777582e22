"""Inspect: its model on Responses, with its own running of tools. It takes whole answers."""

from __future__ import annotations

from inspect_ai.model import (
    ChatMessage,
    ChatMessageUser,
    GenerateConfig,
    execute_tools,
    get_model,
)
from inspect_ai.tool import Tool, tool
from task import TASK, run_async


@tool
def get_weather() -> Tool:
    """Make the tool."""

    async def execute(city: str) -> str:
        """Tells the weather of a city.

        Args:
            city: The city's name.
        """
        return TASK.get_weather(city)

    return execute


async def converse(model: str) -> list[str]:
    """Have the conversation."""
    # Without a word on summaries the package first tries whether there are any.
    asked = get_model(
        f"openai/{model}",
        base_url=TASK.base_url,
        api_key=TASK.api_key,
        responses_api=True,
        responses_store=TASK.mode != "stateless",
        config=GenerateConfig(reasoning_effort="low", reasoning_summary="auto", max_retries=0),
    )
    tools = [get_weather()]
    answers = []
    history: list[ChatMessage] = []
    for question in TASK.questions:
        history.append(ChatMessageUser(content=question))
        output = await asked.generate(history, tools=tools)
        history.append(output.message)
        while output.message.tool_calls:
            history += (await execute_tools(history, tools)).messages
            output = await asked.generate(history, tools=tools)
            history.append(output.message)
        answers.append(output.message.text)
    return answers


run_async(converse)
