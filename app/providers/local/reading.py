"""Convert items to text for the built-in models."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
from app.providers.writing.compactions import unread_compaction

#: Returns the text that stands for a picture or a file.
Describing = Callable[[InputImage | InputFile], str]


def text_of(item: Item, describing: Describing) -> str:
    """Return an item as text."""
    match item:
        case Message(content=content):
            return text_of_parts(content, describing)
        case FunctionCallOutput(content=output):
            return output if isinstance(output, str) else text_of_parts(output, describing)
        case FunctionCall(arguments=arguments):
            return arguments
        case Reasoning(summary=summary):
            return "\n".join(summary)
        case UnseenItem():
            return ""
        case HostedItem():
            return words_of(item)
        case Compaction():
            raise unread_compaction()
        case _:
            assert_never(item)


def text_of_parts(parts: Sequence[ContentPart], describing: Describing) -> str:
    """Return parts as text, one per line."""
    return "\n".join(_text(part, describing) for part in parts)


def placeholder(part: InputImage | InputFile) -> str:
    """Return the text that stands for a picture or a file that is not described."""
    match part:
        case InputImage():
            return "[image]"
        case InputFile(filename=name):
            return f"[file {name}]" if name else "[file]"
        case _:
            assert_never(part)


def _text(part: ContentPart, describing: Describing) -> str:
    match part:
        case InputText(text=text) | OutputText(text=text) | Refusal(refusal=text):
            return text
        case InputImage() | InputFile():
            return describing(part)
        case _:
            assert_never(part)
