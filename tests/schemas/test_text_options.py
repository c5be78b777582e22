"""What the caller says of the answer's text (R9)."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.answer_options import JsonSchemaFormat, TextOptions
from tests.schemas.requests import body, load, verdict

TYPE, VALUE, MISSING = "invalid_type", "invalid_value", "missing_required_parameter"
SCHEMA = {"type": "object", "properties": {}}
INNER = {"name": "answer", "schema": SCHEMA, "strict": True, "description": "d"}
FLAT = {"type": "json_schema", **INNER}
NESTED = {"type": "json_schema", "json_schema": INNER}


@pytest.mark.parametrize("kind", ["text", "json_object"])
def test_a_plain_format_is_its_type(kind: Any) -> None:
    assert load(text={"format": {"type": kind}}).parameters.text == TextOptions(kind)


@pytest.mark.parametrize("given", [FLAT, NESTED, FLAT | {"json_schema": None}])
def test_a_json_schema_may_be_flat_or_nested(given: dict[str, Any]) -> None:
    assert load(text={"format": given}).parameters.text.format == (
        JsonSchemaFormat("answer", SCHEMA, "d", True)
    )


@pytest.mark.parametrize("verbosity", ["low", "medium", "high"])
def test_verbosity_is_kept(verbosity: str) -> None:
    assert load(text={"verbosity": verbosity}).parameters.text == TextOptions("text", verbosity)


@pytest.mark.parametrize("given", [{}, {"format": None, "verbosity": None}])
def test_options_left_out_are_the_defaults(given: dict[str, Any]) -> None:
    assert load(text=given).parameters.text == TextOptions()


WRONG: list[tuple[Any, str, str]] = [
    ({"verbosity": "terse"}, VALUE, ".verbosity"),
    ({"format": "text"}, TYPE, ".format"),
    ({"format": {}}, MISSING, ".format.type"),
    ({"format": {"type": "xml"}}, VALUE, ".format.type"),
    ({"format": {"type": "json_schema"}}, MISSING, ".format.name"),
    ({"format": FLAT | {"name": "a b"}}, VALUE, ".format.name"),
    ({"format": FLAT | {"name": "x" * 65}}, VALUE, ".format.name"),
    ({"format": FLAT | {"schema": None}}, MISSING, ".format.schema"),
    ({"format": FLAT | {"schema": "{}"}}, TYPE, ".format.schema"),
    ({"format": FLAT | {"strict": "yes"}}, TYPE, ".format.strict"),
    ({"format": FLAT | {"description": 5}}, TYPE, ".format.description"),
    ({"format": NESTED | {"json_schema": 5}}, TYPE, ".format.json_schema"),
    ({"format": NESTED | {"json_schema": {}}}, MISSING, ".format.json_schema.name"),
    (
        {"format": NESTED | {"json_schema": INNER | {"name": 5}}},
        TYPE,
        ".format.json_schema.name",
    ),
]


@pytest.mark.parametrize(("given", "code", "where"), WRONG)
def test_options_that_are_wrong_are_refused_by_their_path(
    given: dict[str, Any], code: str, where: str
) -> None:
    assert verdict(body(text=given)) == (code, f"text{where}")
