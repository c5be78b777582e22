"""What models write as the arguments of a call, and what servers can read of it."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from app.providers.writing.arguments import as_object, as_text

NO_OBJECTS = ["{oops", "[1]", "null", "3", '"city"']


@pytest.mark.parametrize(
    ("written", "expected"),
    [('{"city": "Rome"}', {"city": "Rome"}), ("", {}), (" \n", {}), ("{}", {})]
    + [(each, {"arguments": each}) for each in NO_OBJECTS],
)
def test_an_object_is_made_of_whatever_was_written(written: str, expected: dict[str, Any]) -> None:
    assert as_object(written) == expected


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("written", ['{ "city":"Rome" }', "{}"])
def test_an_object_stays_as_it_was_written(written: str, strict: bool) -> None:
    assert as_text(written, must_be_object=strict) == written


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("written", ["", " "])
def test_nothing_is_an_empty_object(written: str, strict: bool) -> None:
    assert as_text(written, must_be_object=strict) == "{}"


@pytest.mark.parametrize("written", NO_OBJECTS)
def test_what_is_no_object_is_wrapped_only_where_it_must_be_one(written: str) -> None:
    assert orjson.loads(as_text(written, must_be_object=True)) == {"arguments": written}
    assert as_text(written, must_be_object=False) == written


@pytest.mark.parametrize("depth", [101, 600, 5000])
def test_what_is_nested_deeper_than_can_be_written_is_wrapped_as_a_text(depth: int) -> None:
    written = '{"a":' + "[" * depth + "]" * depth + "}"
    assert as_object(written) == {"arguments": written}
    assert orjson.dumps(as_object(written))


def test_many_brackets_side_by_side_are_no_depth() -> None:
    flat: dict[str, list[list[str]]] = {"a": [[] for _ in range(500)]}
    assert as_object(orjson.dumps(flat).decode()) == flat
