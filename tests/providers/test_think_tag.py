"""Thoughts in tags before the text are reasoning, however the pieces are cut."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.items import FunctionCall, Reasoning
from app.domain.stream.deltas import Annotated, Delta, Finished, Opaque, Text, Thought
from app.errors import GatewayError, UpstreamUnavailable
from app.providers.openai_chat.format import ChatFormat
from app.providers.openai_chat.messages.writer import to_messages
from app.providers.openai_chat.reader import ChatReader
from app.providers.openai_chat.think_tag import ThinkTag
from app.providers.profiles import PROFILES
from app.providers.reading.fields import ignore
from tests.providers.chatting import GENERIC, knowing, request, user
from tests.providers.reads import end_of, whole_of

CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}


def parted(*pieces: str, name: str = "think") -> tuple[str, str]:
    """Return the thoughts of these pieces, and what follows them."""
    tag = ThinkTag(name)
    said = [part for piece in pieces for part in tag.feed(piece)] + tag.end()
    return _joined(said, True), _joined(said, False)


def _joined(said: list[tuple[bool, str]], is_thought: bool) -> str:
    return "".join(text for kind, text in said if kind is is_thought)


def fault(_error: object) -> GatewayError:
    return UpstreamUnavailable("it failed")


def reader(profile: str = "generic", model: str = "m", **parameters: Any) -> ChatReader:
    asked = request(model=model, **parameters)
    return ChatFormat().reader(asked, {}, PROFILES[profile], fault, ignore)


def streamed(*deltas: dict[str, Any], profile: str = "generic", **asked: Any) -> list[Delta]:
    """Return what a stream says of which each delta is a chunk."""
    chunks: list[Any] = [{"choices": [{"delta": delta}]} for delta in deltas]
    chunks.append({"choices": [{"delta": {}, "finish_reason": "stop"}]})
    said, reading = list[Delta](), reader(profile, **asked)
    for chunk in chunks:
        reading.read([("", orjson.dumps(chunk))], said)
    return said + end_of(reading)


def whole(profile: str = "generic", **message: Any) -> list[Delta]:
    body = {"choices": [{"message": message, "finish_reason": "stop"}]}
    return whole_of(reader(profile), orjson.dumps(body))


def texts(deltas: list[Delta]) -> list[Delta]:
    return [delta for delta in deltas if not isinstance(delta, Opaque | Finished)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<think>hm</think>Hi", ("hm", "Hi")),
        ("\n<think>\nhm\n</think>\n\nHi\n", ("hm", "Hi\n")),
        ("<think>\n\n</think>\n\nHi", ("", "Hi")),
        ("<think>a</think><think>b</think>Hi", ("ab", "Hi")),
        ("<think>it goes on", ("it goes on", "")),
        ("<think>it goes on </thi", ("it goes on </thi", "")),
        ("<think>a < b</think>c < d", ("a < b", "c < d")),
        ("<think>hm</think>", ("hm", "")),
        ("Hi <think>hm</think>", ("", "Hi <think>hm</think>")),
        ("<thinking>hm</thinking>", ("", "<thinking>hm</thinking>")),
        ("<thi", ("", "<thi")),
        ("<", ("", "<")),
        ("  \n", ("", "  \n")),
        ("", ("", "")),
    ],
)
def test_a_text_is_parted_by_the_tags_that_it_begins_with(
    text: str, expected: tuple[str, str]
) -> None:
    assert parted(text) == expected
    assert parted(*text) == expected


@given(
    st.text(st.sampled_from("<>/think \nab"), max_size=12).map(lambda text: f"<think>{text}"),
    st.lists(st.integers(0, 40), max_size=5),
)
def test_a_text_is_the_same_wherever_it_is_cut(text: str, cuts: list[int]) -> None:
    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    pieces = [text[a:b] for a, b in pairwise(places)]
    assert parted(*pieces) == parted(text)


def test_pieces_of_a_text_that_waited_stay_pieces() -> None:
    tag = ThinkTag("think")
    assert tag.feed("<") == []
    assert tag.feed("div") == [(False, "<"), (False, "div")]
    assert tag.is_over


@pytest.mark.parametrize("piece", [" ", "\n"])
def test_blanks_without_an_end_do_not_wait_for_ever(piece: str) -> None:
    for opening in ("", "<think>a", "<think>a</think>"):
        tag = ThinkTag("think")
        tag.feed(opening)
        for _ in range(1000):
            tag.feed(piece)
        assert sum(map(len, tag._waiting)) <= 65


@pytest.mark.parametrize("cut", [1, 3, 1000])
def test_a_stream_and_a_whole_answer_say_their_thoughts_as_reasoning(cut: int) -> None:
    text = "<think>\nhm, well\n</think>\n\nHello, you!"
    pieces = [{"content": text[at : at + cut]} for at in range(0, len(text), cut)]
    said = texts(streamed(*pieces))
    assert "".join(each.text for each in said if isinstance(each, Thought)) == "hm, well"
    assert "".join(each.text for each in said if isinstance(each, Text)) == "Hello, you!"
    assert texts(whole(content=text)) == [Thought("hm, well"), Text("Hello, you!")]


def test_bedrock_puts_each_piece_of_its_reasoning_in_tags_of_its_own() -> None:
    pieces = ["<reasoning>We ", "say</reasoning>", "<reasoning> hi</reasoning>", "Hi"]
    said = texts(streamed(*({"content": piece} for piece in pieces), profile="bedrock"))
    assert said == [Thought("We"), Thought(" say"), Thought("hi"), Text("Hi")]


@pytest.mark.parametrize("profile", ["openai", "anthropic"])
def test_a_server_that_leaves_no_thoughts_in_its_text_is_believed(profile: str) -> None:
    assert texts(whole(profile, content="<think>a</think>b")) == [Text("<think>a</think>b")]


def test_a_model_that_does_not_think_is_believed() -> None:
    said = streamed({"content": "<think>a</think>b"}, model="codestral-latest")
    assert texts(said) == [Text("<think>a</think>b")]


def test_thoughts_end_where_a_call_begins() -> None:
    said = texts(streamed({"content": "<think>hm"}, {"content": " "}, {"tool_calls": [CALL]}))
    assert said[0] == Thought("hm")
    assert len(said) == 3


def test_a_text_that_was_no_tag_after_all_is_said_at_the_end() -> None:
    assert texts(streamed({"content": "<th"})) == [Text("<th")]


def test_reasoning_in_a_field_leaves_the_text_alone() -> None:
    said = texts(streamed({"reasoning_content": "hm"}, {"content": "<think>a</think>b"}))
    assert said == [Thought("hm"), Text("<think>a</think>b")]


def test_a_whole_message_at_the_end_of_a_stream_says_nothing_twice() -> None:
    text = "<think>hm</think>Hi"
    last = {"choices": [{"message": {"content": text}, "finish_reason": "stop"}]}
    said, reading = list[Delta](), reader()
    for chunk in ({"choices": [{"delta": {"content": text}}]}, last):
        reading.read([("", orjson.dumps(chunk))], said)
    assert texts(said + end_of(reading)) == [Thought("hm"), Text("Hi")]


def test_sources_are_of_the_text_that_is_shown() -> None:
    body = {
        "choices": [{"message": {"content": "<think>hm</think>Hi"}, "finish_reason": "stop"}],
        "citations": ["https://a.example"],
    }
    (cited,) = [d for d in whole_of(reader("perplexity"), orjson.dumps(body))
                if isinstance(d, Annotated)]  # fmt: skip
    assert cited.annotation["end_index"] == 2


@pytest.mark.parametrize(
    "message",
    [
        {"reasoning_text": "hm"},
        {"thinking": "hm"},
        {"reasoning_details": [{"type": "reasoning.text", "text": "hm", "index": 0}]},
        {"reasoning_details": [{"type": "reasoning.summary", "summary": "hm", "index": 0},
                               {"type": "reasoning.encrypted", "data": "AAAA"}]},
        {"thinking_blocks": [{"type": "thinking", "thinking": "hm", "signature": "s"}]},
        {"reasoning": "hm", "reasoning_details": [{"type": "reasoning.text", "text": "hm"}]},
    ],
    ids=["copilot", "ollama", "details", "summary", "blocks", "openrouter"],
)  # fmt: skip
def test_reasoning_is_shown_by_whatever_name_it_has(message: dict[str, Any]) -> None:
    shown = [Thought("hm"), Text("Hi")]
    assert texts(whole(**message, content="Hi")) == shown
    assert texts(streamed(message, {"content": "Hi"})) == shown


@pytest.mark.parametrize(
    "part",
    [
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
        {"type": "thinking", "thinking": "hm"},
        {"type": "reasoning", "text": "hm"},
        {"type": "reasoning", "content": [{"type": "reasoning_text", "text": "hm"}]},
        {"type": "reasoning_text", "text": "hm"},
    ],
    ids=["databricks", "mistral", "thinking", "text", "content", "reasoning_text"],
)  # fmt: skip
def test_reasoning_is_shown_from_parts_of_a_content(part: dict[str, Any]) -> None:
    words = {"type": "text", "text": "Hi"}
    assert texts(whole(content=[part, words])) == [Thought("hm"), Text("Hi")]
    assert texts(streamed({"content": [part]}, {"content": [words]})) == [
        Thought("hm"), Text("Hi"),
    ]  # fmt: skip


def test_details_that_are_encrypted_say_nothing() -> None:
    details = [{"type": "reasoning.encrypted", "data": "AAAA"}]
    assert texts(whole(reasoning_details=details, content="Hi")) == [Text("Hi")]


def _sent_back(profile: str, model: str = "m") -> dict[str, Any]:
    """Return the message with calls of a history whose thoughts came in tags."""
    said = whole("generic", content="<think>\nI look.\n</think>\n\nWait.", tool_calls=[CALL])
    (payload,) = [delta.payload for delta in said if isinstance(delta, Opaque)]
    items = (user("Hello."), Reasoning("rs_1", summary=("I look.",), encrypted_content=payload))
    call = FunctionCall("fc_1", "c1", "f", "{}")
    message: dict[str, Any] = to_messages((), (*items, call), PROFILES[profile], model)[1]
    return message


@pytest.mark.parametrize("profile", ["generic", "minimax"])
def test_thoughts_go_back_to_where_they_stood_before_a_call(profile: str) -> None:
    assert _sent_back(profile)["content"] == "<think>\nI look.\n</think>\n\n"


def test_thoughts_of_another_model_do_not_go_back() -> None:
    assert _sent_back("generic", "other")["content"] is None


def test_no_payload_is_made_for_a_server_that_wants_nothing_back() -> None:
    strict = knowing(returns_unknown_fields=False)
    reading = ChatFormat().reader(request(), {}, strict, fault, ignore)
    body = {"choices": [{"message": {"content": "<think>a</think>b"}, "finish_reason": "stop"}]}
    said = whole_of(reading, orjson.dumps(body))
    assert not [delta for delta in said if isinstance(delta, Opaque)]
    assert GENERIC.think_tag == "think"
