"""The built-in model that plays what a model does: by rules, the same each time."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from app.domain.answer_options import JsonSchemaFormat, ReasoningOptions, TextOptions
from app.domain.items import InputFile, InputImage, Item
from app.domain.stream.deltas import Arguments, CallOpened, Delta, Text, Thought
from app.domain.tools import AllowedTools, FunctionTool, NamedFunction
from app.providers.local import LocalProvider
from app.providers.local.findings import found_in
from tests.providers.calling import a_call
from tests.providers.chatting import assistant, call, output, request, user

LOCAL = LocalProvider("local")
CITY = {"type": "object", "properties": {"city": {"type": "string"}}}
WEATHER = FunctionTool("get_weather", "Tell the weather.", CITY)
TRAIN = FunctionTool("find_trains", "Find trains.", CITY)
TOOLS = (WEATHER, TRAIN)
QUESTION = "Are there trains to Rome, and what is the weather in Paris?"
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAIAAAABCAYAAAD0In+KAAAAD0lEQVR42mNk+M9QzwAEAAmGAYCF3X7WAAAAAElFTkSuQmCC"
)


def deltas(*items: Item, model: str = "demo", **parameters: Any) -> list[Delta]:
    batches = LOCAL.answer(request(*items, model=model, stream=True, **parameters), a_call())
    return [delta for batch in batches for delta in batch]


def text(*items: Item, **parameters: Any) -> str:
    found = deltas(*items, **parameters)
    return "".join(delta.text for delta in found if isinstance(delta, Text))


def calls(*items: Item, **parameters: Any) -> list[tuple[str, Any]]:
    found = deltas(*items, **parameters)
    opened = [delta for delta in found if isinstance(delta, CallOpened)]
    return [
        (
            each.name,
            json.loads(
                "".join(
                    delta.fragment
                    for delta in found
                    if isinstance(delta, Arguments) and delta.key == each.key
                )
            ),
        )
        for each in opened
    ]


def thoughts(*items: Item, **parameters: Any) -> str:
    found = deltas(*items, **parameters)
    return "".join(delta.text for delta in found if isinstance(delta, Thought))


def test_it_tells_what_the_user_said_now_and_before() -> None:
    assert text(user("One."), assistant("Two."), user("Three.")) == (
        "You said: Three.\nBefore that you said: One."
    )


def test_it_tells_its_instructions() -> None:
    assert text(user("Hi."), instructions="Be brief.") == (
        "You said: Hi.\nMy instructions are: Be brief."
    )


def test_it_has_something_to_say_to_nothing() -> None:
    assert text(assistant("Hello.")) == "You said nothing."


def test_it_calls_the_functions_that_are_mentioned_in_their_order() -> None:
    assert calls(user(QUESTION), tools=TOOLS) == [
        ("find_trains", {"city": "Rome"}),
        ("get_weather", {"city": "Rome"}),
    ]


def test_it_calls_one_at_a_time_where_it_is_to() -> None:
    found = calls(user(QUESTION), tools=TOOLS, parallel_tool_calls=False)
    assert [name for name, _ in found] == ["find_trains"]


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ("none", []),
        ("auto", []),
        ("required", ["get_weather"]),
        (NamedFunction("find_trains"), ["find_trains"]),
        (AllowedTools("auto", ("find_trains",)), []),
        (AllowedTools("required", ("find_trains",)), ["find_trains"]),
    ],
)
def test_what_is_not_mentioned_is_called_only_on_demand(choice: Any, names: list[str]) -> None:
    found = calls(user("Hello."), tools=TOOLS, tool_choice=choice)
    assert [name for name, _ in found] == names


def test_it_tells_what_the_functions_gave() -> None:
    items = (
        user("Is it warm?"),
        call("c1", "get_weather"),
        output("c1", "18 °C"),
        call("c2", "find_trains"),
        output("c2", "At noon."),
    )
    assert text(*items, tools=TOOLS, tool_choice="required") == (
        "get_weather says: 18 °C\nfind_trains says: At noon."
    )


def test_it_tells_nothing_of_the_outputs_of_earlier_questions() -> None:
    items = (call("c1"), output("c1", "Old."), assistant("Old."), user("New."), call("c2"))
    assert text(*items, output("c2", "New.")) == "weather says: New."


def test_it_fills_a_schema_with_what_the_user_says() -> None:
    form = JsonSchemaFormat("trip", {"type": "object", "properties": {"city": {"type": "string"}}})
    answer = text(user("I travel to New York."), text=TextOptions(form))
    assert json.loads(answer) == {"city": "New York"}


def test_json_without_a_schema_has_its_answer() -> None:
    answer = text(user("Hi."), text=TextOptions("json_object"))
    assert json.loads(answer) == {"answer": "You said: Hi."}


@pytest.mark.parametrize(
    ("properties", "found"),
    [
        ({"n": {"type": "integer"}, "m": {"type": "number"}}, {"n": 3, "m": 2.5}),
        ({"unit": {"enum": ["celsius", "miles"]}}, {"unit": "miles"}),
        ({"unit": {"enum": ["celsius", "metres"]}}, {"unit": "celsius"}),
        ({"a": {"type": ["string", "null"]}}, {"a": "Ada"}),
        ({"a": {"type": "string", "maxLength": 2}}, {"a": "Sa"}),
        ({"a": {"type": "boolean"}}, {"a": True}),
        ({"a": {"const": "b"}}, {"a": "b"}),
        ({"a": True}, {"a": None}),
    ],
)
def test_a_property_is_found_in_the_text(properties: dict[str, Any], found: object) -> None:
    said = "Say to Ada: I want 3 of them, 2.5 miles off."
    assert found_in(said, {"type": "object", "properties": properties}) == found


def test_what_is_quoted_comes_before_names() -> None:
    schema = {"properties": {"a": {"type": "string"}, "b": {"type": "string"}}}
    assert found_in('Tell Ada "well done".', schema) == {
        "a": "well done",
        "b": 'Tell Ada "well done".',
    }


def test_a_schema_without_properties_is_filled_as_a_sample_is() -> None:
    assert found_in("Hi.", {"type": "array", "items": {"type": "string"}}) == ["Hi."]


@pytest.mark.parametrize(
    ("part", "described"),
    [
        (
            InputImage("data:image/png;base64," + base64.b64encode(PNG).decode()),
            "[image, PNG, 2 x 1 pixels, 72 bytes]",
        ),
        (InputImage("data:image/jpeg;base64,/9j/"), "[image, JPEG, 3 bytes]"),
        (InputImage("data:image/png;base64,not base64"), "[image, 0 bytes]"),
        (InputImage("https://example.com/cat.png"), "[image at example.com]"),
        (InputImage(file_id="file-1"), "[image at its file_id]"),
        (InputFile(file_url="https://example.com/a.pdf"), "[file at example.com]"),
        (InputFile(file_data="JVBERi0x", filename="a.pdf"), "[file a.pdf, PDF, 6 bytes: %PDF-1]"),
        (InputFile(file_data="aGk=", filename="a.txt"), "[file a.txt, 2 bytes: hi]"),
        (InputFile(file_data="/w=="), "[file, 1 bytes]"),
    ],
)
def test_it_tells_what_a_picture_or_a_file_is(part: Any, described: str) -> None:
    assert text(user("See", part)) == f"You said: See\n{described}"


@pytest.mark.parametrize(
    ("effort", "thought"),
    [
        ("low", "I call get_weather."),
        (None, "The user wrote 3 words. I call get_weather."),
        (
            "high",
            "The user wrote 3 words. The functions that I have are: get_weather, find_trains. "
            "I call get_weather.",
        ),
    ],
)
def test_it_shows_more_thoughts_with_more_effort(effort: str | None, thought: str) -> None:
    reasoning = ReasoningOptions(effort, "auto")
    assert thoughts(user("How's the weather?"), tools=TOOLS, reasoning=reasoning) == thought


def test_it_shows_no_thoughts_unasked() -> None:
    assert thoughts(user("Hi."), reasoning=ReasoningOptions("high")) == ""


def test_what_it_says_is_known_of_it() -> None:
    reasons = {name: LOCAL.describe(name)[0].reasoning for name in ("demo", "slow-demo", "echo")}
    assert reasons == {"demo": True, "slow-demo": True, "echo": False}
