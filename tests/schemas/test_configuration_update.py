"""Items that change how answers are made from there on (G3)."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.answer_options import ConfigurationUpdate, JsonSchemaFormat
from app.domain.items import with_id
from app.schemas.wire.items import ITEM
from tests.schemas.requests import fault, load

SCHEMA = {"type": "json_schema", "name": "n", "schema": {"type": "object"}}


def update(**more: Any) -> dict[str, Any]:
    return {"type": "configuration_update"} | more


UPDATES = [
    (update(reasoning={"effort": "high"}), ConfigurationUpdate("cfg_1", "high")),
    (update(text={"format": {"type": "text"}}), ConfigurationUpdate("cfg_1", None, "text")),
    (
        update(text={"format": SCHEMA}, reasoning={"effort": "none"}),
        ConfigurationUpdate("cfg_1", "none", JsonSchemaFormat("n", {"type": "object"})),
    ),
    (update(reasoning={"effort": None}, text=None), ConfigurationUpdate("cfg_1")),
]


@pytest.mark.parametrize(("given", "expected"), UPDATES)
def test_an_update_is_taken_stored_and_listed(
    given: dict[str, Any], expected: ConfigurationUpdate
) -> None:
    (item,) = load(input=[given]).input
    assert isinstance(item, ConfigurationUpdate)
    assert with_id(item, "cfg_1") == expected
    shown = ITEM.dump(expected)
    assert ITEM.validate(shown) == {}
    assert ITEM.load(shown) == expected
    assert load(input=[shown]).input == (expected,)


def test_a_setting_that_an_update_leaves_alone_is_not_shown() -> None:
    shown = ITEM.dump(ConfigurationUpdate("cfg_1", "high"))
    assert shown == update(id="cfg_1", reasoning={"effort": "high"})


@pytest.mark.parametrize(
    ("given", "where"),
    [
        (update(reasoning={"effort": "hot"}), "input[0].reasoning.effort"),
        (update(reasoning="high"), "input[0].reasoning"),
        (update(text={}), "input[0].text.format"),
        (update(text={"format": {"type": "xml"}}), "input[0].text.format.type"),
    ],
)
def test_what_is_wrong_with_an_update_is_refused_by_its_path(given: Any, where: str) -> None:
    assert fault({"model": "m", "input": [given]}).param == where


def test_what_an_update_cannot_change_is_named() -> None:
    given = update(reasoning={"effort": "low", "summary": "auto"}, temperature=1)
    request = load(input=[given, {"role": "user", "content": "Hi"}])
    assert request.ignored == ("input[0].reasoning.summary", "input[0].temperature")
