"""Estimates how many tokens a request will take, before anybody has counted them.

A token counts as four characters. Pictures and files are guessed: their base64 is no text.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import assert_never

from app.domain.answer_options import UnseenItem
from app.domain.hosted.item import HostedItem
from app.domain.hosted.words import words_of
from app.domain.items import (
    Compaction,
    ContentPart,
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
from app.domain.tools.known import made_once

CHARACTERS_PER_TOKEN = 4
IMAGE_TOKENS = 1_000
FILE_TOKENS = 5_000
#: Tokens assumed for an answer if neither the request nor the model's settings limit it.
OUTPUT_TOKENS = 1_000


@dataclass(frozen=True, slots=True)
class Estimate:
    """Estimated tokens of a request, and what they may cost at most, in µUSD.

    `input_microusd` is the input's share of `microusd`; both are 0 if prices are unknown.
    """

    input_tokens: int
    output_tokens: int
    microusd: int = 0
    input_microusd: int = 0


@dataclass(frozen=True, slots=True)
class TokenCount:
    """The number of tokens of an input: counted by its model's server, or else estimated."""

    input_tokens: int
    is_estimate: bool = False


def estimate(
    parameters: Parameters, items: Iterable[Item], max_output_tokens: int | None
) -> Estimate:
    """Return the estimate for a request with this context.

    `max_output_tokens` is the model's own limit, used if the request has none.
    """
    characters = len(parameters.instructions or "")
    characters += sum(map(_item_characters, items)) + _characters_of(parameters.functions)
    output = (parameters.max_output_tokens, max_output_tokens, OUTPUT_TOKENS)
    return Estimate(
        input_tokens=-(-characters // CHARACTERS_PER_TOKEN),
        output_tokens=next(tokens for tokens in output if tokens is not None),
    )


def _characters_of(tools: tuple[FunctionTool, ...]) -> int:
    return made_once(tools, "characters", None, lambda: sum(map(_tool_characters, tools)))


def _tool_characters(tool: FunctionTool) -> int:
    return len(tool.name) + len(tool.description or "") + len(json.dumps(tool.parameters))


def _item_characters(item: Item) -> int:
    match item:
        case Message():
            return sum(map(_part_characters, item.content))
        case FunctionCall():
            return len(item.qualified_name) + len(item.arguments)
        case FunctionCallOutput():
            if isinstance(item.content, str):
                return len(item.content)
            return sum(map(_part_characters, item.content))
        case Reasoning():
            return sum(map(len, (*item.summary, *item.content)))
        case UnseenItem():
            return 0  # the parameters have what it changes
        case HostedItem():
            return len(words_of(item))
        case Compaction():
            return len(item.encrypted_content) * 3 // 4  # base64 of little more than its text
        case _:
            assert_never(item)


def _part_characters(part: ContentPart) -> int:
    match part:
        case InputText() | OutputText():
            return len(part.text)
        case Refusal():
            return len(part.refusal)
        case InputImage():
            return IMAGE_TOKENS * CHARACTERS_PER_TOKEN
        case InputFile():
            return FILE_TOKENS * CHARACTERS_PER_TOKEN
        case _:
            assert_never(part)
