"""Blocks are kept by index, however a server interleaves them or leaves out what ends them."""

from __future__ import annotations

from typing import Any

from app.domain.stream.deltas import Arguments, CallOpened, Delta, ItemEnded, PartEnded, Text
from app.providers.anthropic.open_blocks import OpenBlocks
from app.providers.reading.understanding import ContentReader

TEXT = {"type": "text", "text": ""}


def call(name: str, call_input: Any = None) -> dict[str, Any]:
    return {"type": "tool_use", "id": name, "name": name, "input": call_input or {}}


def said(text: str) -> dict[str, Any]:
    return {"type": "text_delta", "text": text}


def piece(json: str) -> dict[str, Any]:
    return {"type": "input_json_delta", "partial_json": json}


def blocks() -> OpenBlocks:
    return OpenBlocks(ContentReader())


def test_calls_that_are_interleaved_are_told_one_after_the_other() -> None:
    open_blocks, deltas = blocks(), list[Delta]()
    deltas += open_blocks.start(call("f"), 0) + open_blocks.start(call("g"), 1)
    deltas += open_blocks.grow(piece("1"), 0) + open_blocks.grow(piece("2"), 1)
    deltas += open_blocks.grow(piece("3"), 0)
    deltas += open_blocks.stop(0) + open_blocks.stop(1)
    assert deltas == [
        CallOpened("1", "f", "f"),
        Arguments("1", "1"),
        Arguments("1", "3"),
        ItemEnded(),
        CallOpened("2", "g", "g"),
        Arguments("2", "2"),
    ]


def test_calls_may_be_stopped_in_any_order() -> None:
    open_blocks = blocks()
    open_blocks.start(call("f"), 0)
    open_blocks.start(call("g", {"a": 1}), 1)
    assert open_blocks.stop(1) == []
    assert open_blocks.stop(0) == [
        ItemEnded(),
        CallOpened("2", "g", "g"),
        Arguments("2", '{"a":1}'),
    ]


def test_what_no_stop_ends_is_ended_by_the_end() -> None:
    open_blocks = blocks()
    open_blocks.start(call("f"), 0)
    open_blocks.start(call("g"), 1)
    open_blocks.grow(piece("{}"), 1)
    ending = open_blocks.stop_all() + open_blocks.end_call()
    assert ending == [ItemEnded(), CallOpened("2", "g", "g"), Arguments("2", "{}"), ItemEnded()]


def test_a_text_that_no_stop_ends_is_ended_by_the_next_block() -> None:
    open_blocks = blocks()
    open_blocks.start(TEXT, 0)
    assert open_blocks.start(TEXT, 1) == [PartEnded()]
    assert open_blocks.grow(said("Hi"), 1) == [Text("Hi")]


def test_a_delta_without_a_start_opens_its_block() -> None:
    assert blocks().grow(said("Hi"), 0) == [PartEnded(), Text("Hi")]


def test_a_delta_without_an_index_is_of_the_latest_block() -> None:
    open_blocks = blocks()
    open_blocks.start(TEXT, 0)
    assert open_blocks.grow(said("Hi"), None) == [Text("Hi")]


def test_what_comes_after_its_stop_is_left_out_and_noted() -> None:
    noted: list[str] = []
    open_blocks = OpenBlocks(ContentReader(lambda kind, *_: noted.append(kind)))
    open_blocks.start(TEXT, 0)
    open_blocks.stop(0)
    assert (open_blocks.grow(said("late"), 0), noted) == ([], ["unopened_block"])


def test_pieces_of_a_call_that_never_began_are_left_out_and_noted() -> None:
    noted: list[str] = []
    assert OpenBlocks(ContentReader(lambda kind, *_: noted.append(kind))).grow(piece("{}"), 0) == []
    assert noted == ["unopened_block"]


def test_a_block_that_begins_twice_is_two() -> None:
    open_blocks = blocks()
    open_blocks.start({"type": "text", "text": "a"}, 0)
    assert open_blocks.start({"type": "text", "text": "b"}, 0) == [PartEnded(), Text("b")]
