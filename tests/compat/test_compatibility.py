"""The page says what is found, and nothing that can be asked is lost in silence (R1)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.compat import sdk
from tests.compat.gateway import COLUMNS, Gateway, Outcome
from tests.compat.members import Member, members
from tests.compat.page import ALONE, PAGE, Row, rows, text
from tests.compat.probing import Prober, Verdict, judge


@pytest.fixture(scope="module")
def gateway(redis_url: str) -> Gateway:
    return Gateway(redis_url, "compat:")


@pytest.fixture(scope="module")
def found(gateway: Gateway) -> list[Row]:
    return rows(gateway)


def test_the_page_says_what_is_found(found: list[Row]) -> None:
    said, whole = PAGE.read_text("utf-8").splitlines(), text(found).splitlines()
    changed = [line for line in whole if line not in said] + [
        f"no longer: {line}" for line in said if line not in whole
    ]
    assert changed == [], "look whether this is meant; then `make compat` writes the page anew"


def test_every_member_has_a_verdict_for_every_kind_of_upstream(found: list[Row]) -> None:
    lost = [f"{row.group}: {row.name}" for row in found if "unknown" in row.verdicts]
    assert lost == []
    assert {len(row.verdicts) for row in found if row.group not in ALONE} == {len(COLUMNS)}


def test_no_two_lines_are_of_one_member(found: list[Row]) -> None:
    names = [(row.group, row.name) for row in found]
    assert len(names) == len(set(names)) > 200


def test_what_the_gateway_knows_nothing_of_is_named(gateway: Gateway) -> None:
    """A parameter of the package's next release, say."""
    new = Member("Parameters", "new", {"input": "Hi"}, {"input": "Hi", "new": {"a": 1}}, "new")
    assert set(Prober(gateway).verdicts(new)) == {"ignored", "forwarded"}


BEFORE = Outcome(200, frozenset(), {"a": 1}, {"b": 1}, "", {})
JUDGED: list[tuple[dict[str, Any], Verdict]] = [
    ({}, "unknown"),
    ({"status": 400}, "refused"),
    ({"sent": {"b": 2}}, "honoured"),
    ({"shown": {"a": 2}}, "own"),
    ({"sent": None, "shown": {"a": 2}}, "own"),
    ({"named": frozenset({"x.y"})}, "ignored"),
    ({"named": frozenset({"x"})}, "ignored"),
    ({"named": frozenset({"x.y[0].z"})}, "ignored"),
    ({"named": frozenset({"x.yy", "other"})}, "unknown"),
    ({"named": frozenset({"x.y"}), "sent": {"b": 2}}, "partly"),
]


@pytest.mark.parametrize(("changes", "verdict"), JUDGED)
def test_a_verdict_is_what_differs(changes: dict[str, Any], verdict: Verdict) -> None:
    assert judge(BEFORE, replace(BEFORE, **changes), "x.y") == verdict


def test_what_was_named_before_is_no_sign() -> None:
    before = replace(BEFORE, named=frozenset({"x.y.z"}))
    assert judge(before, before, "x.y") == "unknown"


def test_values_are_what_the_types_allow() -> None:
    names = {member.name for member in members() if member.group == "Parameters"}
    assert {"model", "reasoning.effort", "text.format.json_schema"} <= names
    assert sdk.literals("x") == ()  # a type that is no choice has no words
