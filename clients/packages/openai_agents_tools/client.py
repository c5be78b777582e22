"""openai-agents with all that it has: a handoff, every kind of tool that it runs, and sessions."""

from __future__ import annotations

from typing import Any

from agents import (
    Agent,
    ApplyPatchTool,
    CustomTool,
    ModelSettings,
    OpenAIConversationsSession,
    OpenAIResponsesModel,
    OpenAIResponsesWSModel,
    Runner,
    ShellTool,
    SQLiteSession,
    ToolSearchTool,
    function_tool,
    tool_namespace,
)
from agents.memory import OpenAIResponsesCompactionSession
from openai import AsyncOpenAI
from openai.types.shared import Reasoning
from task import TASK, run_async


def result(what: str) -> str:
    """Return what each tool gives back."""
    return TASK.result.format(city=what)


@function_tool
def get_weather(city: str) -> str:
    """Tell the weather of a city."""
    return result(city)


@function_tool
def look_up(name: str) -> str:
    """Look a customer up."""
    return result(name)


@function_tool(defer_loading=True)
def find_offer(name: str) -> str:
    """Find a customer's offer."""
    return result(name)


class Editor:
    """Applies no patch, and says that it has."""

    def create_file(self, operation: Any) -> str:
        return result(operation.path)

    def update_file(self, operation: Any) -> str:
        return result(operation.path)

    def delete_file(self, operation: Any) -> str:
        return result(operation.path)


def agents(reached: Any) -> Agent[Any]:
    """Return the agent that is asked; it hands over to another."""
    more: dict[str, Any] = {
        "model": reached,
        "model_settings": ModelSettings(
            reasoning=Reasoning(effort="low"),
            **(
                {}
                if TASK.mode == "conversation"
                else {"store": False, "response_include": ["reasoning.encrypted_content"]}
            ),
        ),
    }
    worker = Agent(
        name="Worker",
        instructions="You do what has to be done.",
        tools=[
            CustomTool("note", "Takes a note.", lambda _context, text: result(text)),
            *tool_namespace(name="crm", description="Customers.", tools=[look_up]),
            find_offer,
            ToolSearchTool(),
            ShellTool(lambda request: result(" ".join(request.data.action.commands))),
            ApplyPatchTool(Editor()),
        ],
        **more,
    )
    return Agent(
        name="Weather",
        instructions="You know the weather.",
        tools=[get_weather],
        handoffs=[worker],
        **more,
    )


def session(model: str, client: AsyncOpenAI) -> Any:
    """Return what keeps the conversation."""
    match TASK.mode:
        case "conversation":
            return OpenAIConversationsSession(openai_client=client)
        case "compacted":
            return OpenAIResponsesCompactionSession(
                "s",
                SQLiteSession("s"),
                client=client,
                model=model,
            )
        case _:
            return SQLiteSession("s")


async def converse(model: str) -> list[str]:
    """Have the conversation."""
    client = AsyncOpenAI(base_url=TASK.base_url, api_key=TASK.api_key, max_retries=0)
    kind = OpenAIResponsesWSModel if TASK.is_websocket else OpenAIResponsesModel
    reached = kind(model=model, openai_client=client)
    agent, kept = agents(reached), session(model, client)
    answers: list[str] = []
    for question in TASK.questions:
        if TASK.stream:
            streamed: Any = Runner.run_streamed(agent, question, session=kept)
            async for _ in streamed.stream_events():
                pass
        else:
            streamed = await Runner.run(agent, question, session=kept)
        answers.append(streamed.final_output)
    await reached.close()
    return answers


run_async(converse)
