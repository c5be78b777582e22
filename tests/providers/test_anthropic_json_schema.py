"""JSON schemas as Anthropic's models take them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.answer_options import JsonSchemaFormat, TextOptions
from app.domain.tools import FunctionTool
from app.providers.anthropic.json_schema import can_hold, strict_schema, tool_schema
from app.providers.anthropic.request import ignored, to_upstream
from app.providers.profiles import PROFILES
from tests.providers.asking import ask

PROFILE = PROFILES["anthropic"]
NODE: dict[str, Any] = {
    "type": "object",
    "properties": {"next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}},
}
TREE: dict[str, Any] = {"$ref": "#/$defs/node", "$defs": {"node": NODE}}


def test_a_union_at_the_top_of_a_schema_becomes_one_object() -> None:
    union = [
        {"properties": {"a": {"type": "string"}, "k": {"const": 1}}, "required": ["a"]},
        {"properties": {"b": {"type": "string"}, "k": {"const": 2}}},
        True,
    ]
    assert tool_schema({"oneOf": union, "required": ["k"], "title": "T"}) == {
        "title": "T",
        "type": "object",
        "properties": {"a": {"type": "string"}, "b": {"type": "string"}, "k": {"const": 1}},
        "required": ["k"],
    }


def test_what_every_branch_of_all_of_requires_stays_required() -> None:
    branches = [{"required": ["a"]}, {"required": ["a", "b"], "properties": {"b": {}}}]
    schema = tool_schema({"allOf": branches})
    assert schema["required"] == ["a", "b"]


def test_a_schema_for_answers_is_closed_everywhere() -> None:
    item: dict[str, Any] = {"type": "object", "properties": {"n": {"type": "integer"}}}
    schema = {
        "type": "object",
        "properties": {"items": {"type": "array", "items": item}, "one": {"$ref": "#/$defs/x"}},
        "$defs": {"x": {"properties": {"y": {"type": "string"}}}},
    }
    closed = item | {"additionalProperties": False}
    sent = strict_schema(schema)
    assert sent["additionalProperties"] is False
    assert sent["properties"]["items"]["items"] == closed
    assert sent["$defs"]["x"]["additionalProperties"] is False


def test_one_of_becomes_any_of() -> None:
    branches: list[dict[str, Any]] = [{"type": "string"}, {"type": "object", "properties": {}}]
    sent = strict_schema({"oneOf": branches})
    assert sent == {"anyOf": [branches[0], branches[1] | {"additionalProperties": False}]}


def test_bounds_are_told_in_the_description() -> None:
    sent = strict_schema({"type": "integer", "minimum": 1, "maximum": 9, "description": "Age."})
    assert sent == {"type": "integer", "description": "Age. (minimum: 1, maximum: 9)"}


def test_bounds_without_a_description_become_one() -> None:
    sent = strict_schema({"type": "string", "pattern": "^a$"})
    assert sent == {"type": "string", "description": '(pattern: "^a$")'}


def test_a_property_may_have_the_name_of_a_keyword() -> None:
    schema = {"type": "object", "properties": {"pattern": {"type": "string"}}}
    assert "pattern" in strict_schema(schema)["properties"]


json = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "properties", "items", "oneOf", "allOf", "required", "minimum"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["properties", "anyOf", "allOf", "required"]), json))
def test_whatever_a_caller_calls_a_schema_is_a_schema_of_an_object(given: dict[str, Any]) -> None:
    assert strict_schema(tool_schema(given))["type"] == "object"


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("patternProperties", {"^x": {"type": "string"}}),
        ("propertyNames", {"pattern": "^x"}),
        ("if", {"required": ["a"]}),
        ("not", {"type": "null"}),
        ("dependentRequired", {"a": ["b"]}),
        ("prefixItems", [{"type": "string"}]),
        ("items", [{"type": "string"}]),
        ("minItems", 2),
        ("format", "phone"),
        ("format", {}),
        ("enum", [{"a": 1}]),
        ("contentEncoding", "base64"),
    ],
)
def test_what_is_refused_is_told_in_the_description(keyword: str, value: Any) -> None:
    sent = strict_schema({keyword: value, "description": "Mine."})
    assert sent.keys() == {"description"}
    assert sent["description"].startswith(f"Mine. ({keyword}: ")


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "minItems": 1, "items": {"type": "string"}},
        {"type": "string", "format": "date-time"},
        {"enum": ["a", 1, None]},
        {"$ref": "#/$defs/x", "$defs": {"x": {"type": "string"}}},
    ],
)
def test_what_is_known_stays(schema: dict[str, Any]) -> None:
    assert strict_schema(schema) == schema


def test_a_reference_stands_alone() -> None:
    assert strict_schema({"$ref": "#/$defs/x", "description": "Mine."}) == {"$ref": "#/$defs/x"}


def test_what_a_schema_says_of_itself_is_left_out() -> None:
    assert strict_schema({"$schema": "http://json-schema.org/draft-07/schema#"}) == {}


@pytest.mark.parametrize(
    ("schema", "stated"),
    [
        ({"type": "object"}, {}),
        ({"type": ["object", "null"]}, {}),
        ({"type": "object", "additionalProperties": True}, {}),
        (
            {"type": "object", "additionalProperties": {"type": "string"}},
            {"description": '(additionalProperties: {"type":"string"})'},
        ),
    ],
)
def test_every_object_is_closed(schema: dict[str, Any], stated: dict[str, Any]) -> None:
    assert strict_schema(schema) == {**schema, **stated, "additionalProperties": False}


@pytest.mark.parametrize(
    ("schema", "holds"),
    [
        ({}, True),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"type": "string"}}}, True),
        (
            {
                "properties": {"x": {"$ref": "#/$defs/a"}, "y": {"$ref": "#/$defs/a"}},
                "$defs": {"a": {"items": {"$ref": "#/$defs/b"}}, "b": {}},
            },
            True,
        ),
        ({"properties": {"$ref": {"type": "string"}}}, True),
        ({"properties": {"a~/b": {}, "c": {"$ref": "#/properties/a~0~1b"}}}, True),
        (TREE, False),
        ({"properties": {"children": {"items": {"$ref": "#"}}}}, False),
        (
            {
                "anyOf": [{"$ref": "#/definitions/a"}],
                "definitions": {
                    "a": {"items": {"$ref": "#/definitions/b"}},
                    "b": {"oneOf": [{"$ref": "#/definitions/a"}]},
                },
            },
            False,
        ),
        ({"properties": {"a": {"$ref": "https://example.com/a.json"}}}, False),
        ({"properties": {"a": {"$ref": "#/$defs/missing"}}}, False),
        ({"properties": {"a": {"$ref": 1}}}, False),
    ],
)
def test_a_schema_holds_unless_it_leads_in_a_circle_or_out(
    schema: dict[str, Any], holds: bool
) -> None:
    assert can_hold(schema) is holds


def test_a_chain_of_references_may_be_long() -> None:
    names = [f"d{n}" for n in range(5_000)]
    chain = dict(zip(names, ({"$ref": f"#/$defs/{name}"} for name in names[1:]), strict=False))
    schema = {"$ref": "#/$defs/d0", "$defs": chain | {names[-1]: {"type": "string"}}}
    assert can_hold(schema)


def test_an_answer_of_a_recursive_shape_is_asked_for_in_words() -> None:
    request = ask(model="claude-opus-5", text=TextOptions(JsonSchemaFormat("tree", TREE)))
    body = to_upstream(request, PROFILE)
    assert "output_config" not in body
    assert "#/$defs/node" in str(body["system"])
    assert ignored(request, PROFILE) == ("text.format",)


def test_a_tool_of_a_recursive_shape_is_not_strict() -> None:
    tools = (FunctionTool("f", None, TREE, True), FunctionTool("g", None, {}, True))
    request = ask(model="claude-opus-5", tools=tools)
    first, second = to_upstream(request, PROFILE)["tools"]
    assert first["input_schema"] == {**NODE, "$defs": {"node": NODE}}
    assert ("strict" in first, "strict" in second) == (False, True)
    assert ignored(request, PROFILE) == ("tools[0].strict",)


def test_a_tool_that_refers_to_its_shape_has_it_at_the_top() -> None:
    shape = {"type": "object", "properties": {"a": {"type": "string"}}}
    schema = tool_schema({"$ref": "#/definitions/A", "definitions": {"A": shape}})
    assert schema == {**shape, "definitions": {"A": shape}}
