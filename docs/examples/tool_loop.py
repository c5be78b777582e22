"""Functions of ours that a model calls, several at once, until it has its answer."""

import json
import sys

from openai import OpenAI


def get_weather(city: str) -> str:
    """Tell the weather of a city."""
    return f"18 °C and sunny in {city}"


def get_population(city: str) -> str:
    """Tell how many people live in a city."""
    return f"2,100,000 people live in {city}"


FUNCTIONS = {function.__name__: function for function in (get_weather, get_population)}
TOOLS = [
    {
        "type": "function",
        "name": name,
        "description": function.__doc__,
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    }
    for name, function in FUNCTIONS.items()
]


def called(call) -> dict:
    """Call what the model asks for; what goes wrong is for the model to read."""
    try:
        output = FUNCTIONS[call.name](**json.loads(call.arguments))
    except Exception as error:
        output = f"Error: {error!r}"
    print(f"{call.name} {call.arguments} -> {output}", file=sys.stderr)
    return {"type": "function_call_output", "call_id": call.call_id, "output": output}


client = OpenAI()
response = client.responses.create(
    model="best", input="How is the weather and the population in Paris?", tools=TOOLS
)
for _ in range(10):  # a model that never stops calling is stopped
    calls = [item for item in response.output if item.type == "function_call"]
    if not calls:
        break
    response = client.responses.create(
        model="best",
        input=[called(call) for call in calls],
        tools=TOOLS,
        previous_response_id=response.id,
    )
print(response.output_text)
