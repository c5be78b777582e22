"""An agent of openai-agents with a function of ours, on the gateway's conversation.

pip install openai-agents
"""

import asyncio

from agents import Agent, OpenAIResponsesModel, Runner, function_tool, set_tracing_disabled
from openai import AsyncOpenAI

set_tracing_disabled(True)  # traces go to OpenAI otherwise, with OpenAI's key


@function_tool
def get_weather(city: str) -> str:
    """Tell the weather of a city."""
    return f"18 °C and sunny in {city}"


agent = Agent(
    name="Weather",
    instructions="You know the weather.",
    model=OpenAIResponsesModel(model="best", openai_client=AsyncOpenAI()),
    tools=[get_weather],
)


async def main() -> None:
    """Ask twice; the second question goes on from the first."""
    first = await Runner.run(agent, "What is the weather in Paris?")
    print(first.final_output)
    second = await Runner.run(agent, "Thank you!", previous_response_id=first.last_response_id)
    print(second.final_output)


asyncio.run(main())
