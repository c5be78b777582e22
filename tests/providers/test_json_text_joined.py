"""Surrogate pairs that a server cuts between two events are joined."""

from __future__ import annotations

import pytest

from app.providers.reading.json_text import MOST_WAITING, SurrogateJoiner, loads


def texts(*events: bytes) -> list[object]:
    joiner = SurrogateJoiner()
    return [joiner.loads(event) for event in events]


def test_the_halves_of_a_pair_are_joined() -> None:
    assert texts(b'{"a":"x\\ud83d"}', b'{"a":"\\ude00y"}') == [{"a": "x"}, {"a": "\U0001f600y"}]


def test_a_half_waits_while_its_text_says_nothing() -> None:
    events = (b'{"a":"\\ud83d"}', b'{"b":"z"}', b'{"a":""}', b'{"a":"\\ude00"}')
    assert texts(*events) == [{"a": ""}, {"b": "z"}, {"a": ""}, {"a": "\U0001f600"}]


def test_a_half_without_another_is_replaced() -> None:
    assert texts(b'{"a":"\\ud83d"}', b'{"a":"y"}') == [{"a": ""}, {"a": "\ufffdy"}]
    assert texts(b'{"a":"\\ude00"}') == [{"a": "\ufffd"}]


def test_halves_of_different_texts_are_kept_apart() -> None:
    events = (b'{"a":"\\ud83d","b":["\\ud83c"]}', b'{"b":["\\udf08"],"a":"\\ude00"}')
    assert texts(*events)[1] == {"a": "\U0001f600", "b": ["\U0001f308"]}


@pytest.mark.parametrize("raw", [b'{"a":"x\\ud83d"}', b'["x\\ud83d"]', b'"x\\ud83d"'])
def test_a_text_that_is_whole_ends_with_what_stands_for_its_half(raw: bytes) -> None:
    assert "x\ufffd" in str(loads(raw))


def test_what_waits_is_known() -> None:
    joiner = SurrogateJoiner()
    joiner.loads(b'"\\ud83d"')
    assert joiner.is_waiting
    joiner.loads(b'"\\ude00"')
    assert not joiner.is_waiting


@pytest.mark.parametrize(("count", "left"), [(MOST_WAITING, 0), (MOST_WAITING + 1, 65)])
def test_only_some_halves_wait_beyond_the_next_event(count: int, left: int) -> None:
    joiner = SurrogateJoiner()
    joiner.loads(b'{"a":[%b]}' % b",".join([b'"\\ud83d"'] * count))
    joiner.loads(b'{"b":"z"}')
    assert len(joiner.left(but=["a"])) == left
    assert joiner.is_waiting is (left == 0)
