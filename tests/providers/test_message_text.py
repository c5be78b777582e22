"""A whole text behind the pieces of it: what is new in it, where either was trimmed."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.stream.deltas import Delta, Text
from app.errors import GatewayError, UpstreamUnavailable
from app.providers.openai_chat.reader import ChatReader
from app.providers.openai_responses.reader import ResponsesReader
from app.providers.reading.events import EventReader
from app.providers.reading.fields import TextProgress


def fault(_error: object) -> GatewayError:
    return UpstreamUnavailable("it failed")


def said_in_chat(pieces: list[str], whole: str) -> str:
    chunks: list[dict[str, Any]] = [{"delta": {"content": piece}} for piece in pieces]
    chunks.append({"message": {"content": whole}, "finish_reason": "stop"})
    reader, deltas = ChatReader(fault), list[Delta]()
    reader.read([("", orjson.dumps({"choices": [chunk]})) for chunk in chunks], deltas)
    return said(deltas)


def said_in_responses(pieces: list[str], whole: str) -> str:
    events: list[dict[str, Any]] = [
        {"type": "response.output_text.delta", "delta": piece} for piece in pieces
    ]
    events.append({"type": "response.output_text.done", "text": whole})
    reader, deltas = EventReader(ResponsesReader(fault)), list[Delta]()
    reader.read([("", orjson.dumps(event)) for event in events], deltas)
    return said(deltas)


def said(deltas: list[Delta]) -> str:
    return "".join(delta.text for delta in deltas if isinstance(delta, Text))


@pytest.mark.parametrize("speak", [said_in_chat, said_in_responses])
@pytest.mark.parametrize(
    ("pieces", "whole", "text"),
    [
        (["Hel", "lo"], "Hello", "Hello"),
        (["Hel", "lo"], "Hello you", "Hello you"),
        (["Hel", "lo"], "\n\nHello", "Hello"),
        (["Hel", "lo"], " Hello you", "Hello you"),
        (["Hel", "lo"], " Hello\n", "Hello\n"),
        (["\n", "\n", "Hel", "lo"], "Hello", "\n\nHello"),
        (["\n", "\n", " Hel", "lo"], "Hello you", "\n\n Hello you"),
        (["\n\nHel"], "\n\nHello", "\n\nHello"),
        (["\n"], "\n\nHello", "\n\nHello"),
        (["\n", "\n"], "Hello", "\n\nHello"),
        ([], " Hello", " Hello"),
        (["Hello"], "", "Hello"),
        (["Hello"], "  ", "Hello"),
    ],
)
def test_no_character_is_doubled_or_lost(
    speak: Any, pieces: list[str], whole: str, text: str
) -> None:
    assert speak(pieces, whole) == text


@given(words=st.text(min_size=1).filter(str.strip), at=st.integers(0), data=st.data())
def test_a_text_is_said_once_however_much_of_its_front_was_trimmed(
    words: str, at: int, data: st.DataObject
) -> None:
    words = words.strip()
    front, its_front = (data.draw(st.text(" \n\t", max_size=3)) for _ in range(2))
    begun = words[: 1 + at % len(words)]
    piece = front + begun
    progress = TextProgress()
    progress.add(piece)
    rest = progress.rest(its_front + words)
    assert begun + rest == words
