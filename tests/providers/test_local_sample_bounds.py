"""What a schema may have the built-in models make: a line of it may ask for more than there is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.providers.local.sample import MOST_CHARACTERS, MOST_PARTS, sample

NAMES = [f"p{number}" for number in range(6)]
ITSELF: dict[str, Any] = {
    "type": "object",
    "properties": {name: {"$ref": "#"} for name in NAMES},
    "required": NAMES,
}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "minLength": 3 * MOST_CHARACTERS},
        {"type": "array", "minItems": 200_000},
        {"type": "array", "minItems": 999, "items": {"type": "array", "minItems": 999}},
        {"properties": {f"p{number}": {"type": "string"} for number in range(MOST_PARTS)}},
        ITSELF,
    ],
)
def test_a_value_has_a_bound(schema: dict[str, Any]) -> None:
    assert len(json.dumps(sample(schema, "y" * 10_000))) < MOST_CHARACTERS + 100 * MOST_PARTS


@pytest.mark.parametrize("way", ["anyOf", "oneOf", "allOf"])
def test_a_schema_that_is_made_of_itself_has_an_end(way: str) -> None:
    assert sample({way: [{"$ref": "#"}, {"$ref": "#"}]}) == "text"


def test_what_is_not_large_is_whole() -> None:
    schema = {"type": "array", "minItems": 500, "items": {"type": "string", "minLength": 900}}
    assert sample(schema, "a") == ["a".ljust(900, ".")] * 500
