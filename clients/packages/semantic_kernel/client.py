"""Semantic Kernel: OpenAIResponsesAgent, which sends question and text again before an output."""

from __future__ import annotations

from openai import AsyncOpenAI
from semantic_kernel.agents import AgentThread, OpenAIResponsesAgent
from semantic_kernel.contents import ChatMessageContent
from semantic_kernel.functions import kernel_function
from task import TASK, run_async


class Weather:
    """A plugin."""

    @kernel_function(description="Tells the weather of a city.")
    def get_weather(self, city: str) -> str:
        """Return the weather of a city."""
        return TASK.get_weather(city)


async def converse(model: str) -> list[str]:
    """Have the conversation."""
    agent = OpenAIResponsesAgent(
        ai_model_id=model,
        client=AsyncOpenAI(base_url=TASK.base_url, api_key=TASK.api_key, max_retries=0),
        name="Weather",
        instructions="You know the weather.",
        plugins=[Weather()],
        store_enabled=TASK.is_stored,
    )
    answers = []
    thread = None
    for question in TASK.questions:
        if TASK.stream:
            text, thread = await streamed(agent, question, thread)
        else:
            async for answer in agent.invoke(messages=question, thread=thread):
                text, thread = str(answer.message.content), answer.thread
        answers.append(text)
    return answers


async def streamed(
    agent: OpenAIResponsesAgent, question: str, thread: AgentThread | None
) -> tuple[str, AgentThread]:
    """Return the answer and its thread.

    The package keeps calls and outputs in the thread only for who listens for them, and no answer
    that it streamed; the gateway keeps them where it may.
    """
    pieces: list[str] = []

    async def act(_: ChatMessageContent) -> None:
        pieces.clear()  # what was said before a call is no answer

    async for piece in agent.invoke_stream(
        messages=question, thread=thread, on_intermediate_message=act
    ):
        thread = piece.thread
        pieces.append(str(piece.message.content or ""))
    text = "".join(pieces)
    if not TASK.is_stored:
        await thread.on_new_message(ChatMessageContent(role="assistant", content=text))
    return text, thread


run_async(converse)
