"""Gemini wants its calls back with a signature, and those of others with its word for none."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from app.domain.items import Item, Reasoning
from app.providers.openai_chat.messages.known import KnownMessages
from app.providers.openai_chat.messages.writer import to_messages
from app.providers.profiles import PROFILES
from tests.providers.chatting import assistant, call, output, user

MODEL = "google/gemini-3-pro"
NONE = {"google": {"thought_signature": "skip_thought_signature_validator"}}
OWN = {"google": {"thought_signature": "OWN"}}


def signatures(
    *items: Item, model: str = MODEL, profile: str = "gemini", thinks: bool = True
) -> list[Any]:
    """Return the signature of each call, None where it has none."""
    messages = to_messages([], items, PROFILES[profile], model, thinks=thinks)
    calls = [each for message in messages for each in message.get("tool_calls", ())]
    return [each.get("extra_content") for each in calls]


def signed(model: str = MODEL) -> Reasoning:
    """Return what a signed call travels back with."""
    calls = [[0, "a", "weather", {"extra_content": OWN}]]
    return Reasoning("", (), (), orjson.dumps({"chat": 1, "model": model, "calls": calls}).decode())


@pytest.mark.parametrize("profile", ["gemini", "vertex"])
def test_the_first_of_calls_without_a_signature_says_that_there_is_none(profile: str) -> None:
    items = user("Hi"), call("a"), call("b"), output("a", "1"), output("b", "2")
    assert signatures(*items, profile=profile) == [NONE, None]


def test_each_turn_says_it_by_itself() -> None:
    items = user("Hi"), call("a"), output("a", "1"), assistant("So"), call("b"), output("b", "2")
    assert signatures(*items) == [NONE, NONE]


def test_its_own_signature_stays() -> None:
    items = user("Hi"), signed(), call("a"), call("b"), output("a", "1"), output("b", "2")
    assert signatures(*items) == [OWN, None]


def test_another_models_signature_is_none() -> None:
    assert signatures(user("Hi"), signed("gemini-3-flash"), call("a"), output("a", "1")) == [NONE]


@pytest.mark.parametrize(
    ("model", "profile"),
    [("gemini-2.5-pro", "gemini"), ("google/gemini-2.0-flash", "vertex"), (MODEL, "generic")],
)
def test_who_looks_for_no_signature_gets_none(model: str, profile: str) -> None:
    items = user("Hi"), call("a"), output("a", "1")
    assert signatures(*items, model=model, profile=profile) == [None]


def test_a_model_that_is_set_not_to_reason_gets_none() -> None:
    assert signatures(user("Hi"), call("a"), output("a", "1"), thinks=False) == [None]


def test_a_beginning_that_is_known_has_it_as_well() -> None:
    known = KnownMessages()
    turn = (user("Hi"), call("a"), output("a", "1"))
    items = tuple(each for _ in range(known.fewest) for each in turn)
    profile = PROFILES["gemini"]
    plain = orjson.dumps(to_messages([], items, profile, MODEL))
    for _ in range(4):
        assert orjson.dumps(to_messages([], items, profile, MODEL, known=known)) == plain
