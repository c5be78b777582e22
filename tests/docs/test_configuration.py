"""docs/configuration.md lists every key of gateway.toml, as deploy/gateway.example.toml has it."""

from __future__ import annotations

import pytest

from app.settings.file import _TABLES as READ
from tests.docs.configuration import PAGE, default_of, tables, written

TABLES = {each.header: each for each in tables()}


def test_the_tables_are_those_of_the_example() -> None:
    page = PAGE.read_text("utf-8")
    assert written(page) == page, "run `make configuration`"


@pytest.mark.parametrize("name", READ)
def test_every_key_that_the_source_reads_stands_there(name: str) -> None:
    assert set(TABLES[f"[{name}]"].keys) == set(READ[name])


@pytest.mark.parametrize("header", TABLES)
def test_a_key_has_an_example_and_words(header: str) -> None:
    assert [
        each for each in TABLES[header].keys.values() if not (each.example and each.words)
    ] == []


def test_a_default_is_the_sources() -> None:
    assert default_of("[providers.NAME]", "timeout_s") == "`600`"
    assert default_of("[providers.NAME]", "discover") == "`false`"
    assert default_of("[limits]", "when_store_is_away") == '`"open"`'
    assert default_of("[providers.NAME]", "api") == default_of("[upstreams]", "other") == ""
