"""Values made from a schema satisfy it."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from app.providers.local.sample import sample

TREE = {
    "$defs": {
        "node": {
            "type": "object",
            "properties": {
                "value": {"type": "number"},
                "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
            },
            "required": ["value"],
        }
    },
    "$ref": "#/$defs/node",
}

SCHEMAS: dict[str, dict[str, Any]] = {
    "anything": {},
    "string": {"type": "string"},
    "long": {"type": "string", "minLength": 20},
    "short": {"type": "string", "maxLength": 2},
    "date": {"type": "string", "format": "date"},
    "const": {"const": 7},
    "default": {"type": "string", "default": "d"},
    "enum": {"enum": ["a", "b"]},
    "integer": {"type": "integer", "minimum": 3},
    "above": {"type": "integer", "exclusiveMinimum": 3},
    "multiple": {"type": "integer", "minimum": 7, "multipleOf": 5},
    "negative": {"type": "number", "maximum": -1.5},
    "boolean": {"type": "boolean"},
    "null": {"type": "null"},
    "nullable": {"type": ["null", "integer"]},
    "array": {"type": "array", "items": {"type": "integer"}, "minItems": 2},
    "empty": {"type": "array"},
    "object": {
        "type": "object",
        "properties": {"a": {"type": "string"}, "b": {"type": "array", "items": {"enum": [1]}}},
        "required": ["a", "b"],
        "additionalProperties": False,
    },
    "untyped-object": {"properties": {"a": {"type": "integer"}}, "required": ["a"]},
    "untyped-array": {"items": {"type": "integer"}, "minItems": 1},
    "any-of": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
    "one-of": {"oneOf": [{"type": "string"}]},
    "all-of": {
        "allOf": [
            {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
            {"type": "object", "properties": {"b": {"type": "integer"}}, "required": ["b"]},
        ]
    },
    "tree": TREE,
}


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_sample_satisfies_its_schema(name: str) -> None:
    jsonschema.validate(sample(SCHEMAS[name]), SCHEMAS[name])


def test_the_text_fills_what_may_be_any() -> None:
    assert sample({"properties": {"a": {"type": "string"}}}, "hello") == {"a": "hello"}


@pytest.mark.parametrize("schema", [None, True, {"type": "file"}, {"$ref": "#/nowhere/at/all"}])
def test_what_is_not_understood_does_no_harm(schema: object) -> None:
    sample(schema)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "integer", "minimum": "low"},
        {"type": "number", "multipleOf": "a", "minimum": 1},
        {"type": "string", "minLength": "long"},
        {"type": "string", "format": {}},
        {"type": "array", "minItems": None, "items": {}},
        {"properties": ["a"]},
        {"properties": {"a": {}}, "required": 1},
        {"enum": 5},
        {"anyOf": {"a": {}}},
        {"allOf": 3},
        {"allOf": ["a", {"properties": 4}]},
        {"type": "integer", "minimum": 1e400},
    ],
)
def test_a_keyword_that_is_not_of_its_type_makes_null(schema: object) -> None:
    assert sample(schema) is None


def test_a_schema_that_never_ends_is_cut() -> None:
    endless = {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]}
    assert str(sample(endless)).count("a") < 20


def test_a_reference_to_itself_is_cut() -> None:
    assert sample({"$defs": {"a": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}) == "text"
