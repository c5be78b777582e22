"""How many tokens a request will take, before anybody has counted."""

from __future__ import annotations

import pytest

from app.domain.estimates import FILE_TOKENS, IMAGE_TOKENS, OUTPUT_TOKENS, estimate
from app.domain.items import (
    FunctionCall,
    FunctionCallOutput,
    InputFile,
    InputImage,
    InputText,
    Item,
    Message,
    OutputText,
    Reasoning,
    Refusal,
)
from app.domain.request import Parameters
from app.domain.tools import FunctionTool

NOTHING = Parameters()


@pytest.mark.parametrize(
    ("item", "tokens"),
    [
        (Message("m", "user", (InputText("x" * 40),)), 10),
        (Message("m", "assistant", (OutputText("x" * 40), Refusal("x" * 4))), 11),
        (Message("m", "user", (InputImage("data:" + "x" * 10_000),)), IMAGE_TOKENS),
        (Message("m", "user", (InputFile("x" * 10_000),)), FILE_TOKENS),
        (FunctionCall("f", "call", "name", "x" * 36), 10),
        (FunctionCallOutput("o", "call", "x" * 40), 10),
        (FunctionCallOutput("o", "call", (InputText("x" * 40),)), 10),
        (Reasoning("r", ("x" * 8, "x" * 8), ("x" * 24,), "sealed" * 100), 10),
    ],
)
def test_four_characters_are_a_token(item: Item, tokens: int) -> None:
    assert estimate(NOTHING, [item], None).input_tokens == tokens


def test_a_part_of_a_token_is_one() -> None:
    assert estimate(NOTHING, [Message("m", "user", (InputText("hello"),))], None).input_tokens == 2


def test_instructions_and_tools_are_input() -> None:
    tool = FunctionTool("name", "x" * 8, {"type": "object"})
    request = Parameters(instructions="x" * 10, tools=(tool, FunctionTool("abcd")))
    assert estimate(request, [], None).input_tokens == (10 + 12 + 18 + 4 + 4) // 4


@pytest.mark.parametrize(
    ("of_request", "of_model", "tokens"),
    [(None, None, OUTPUT_TOKENS), (None, 7, 7), (5, 7, 5), (9, None, 9)],
)
def test_an_answer_is_as_long_as_it_may_be(
    of_request: int | None, of_model: int | None, tokens: int
) -> None:
    request = Parameters(max_output_tokens=of_request)
    assert estimate(request, [], of_model).output_tokens == tokens
