"""`[models."ID".price]`: what a model costs, where an operator says it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from app.settings import PriceSettings, Settings, SettingsError

PROVIDERS = '[providers.house]\napi = "chat_completions"\nbase_url = "http://127.0.0.1:1/v1"\n'


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def settings_of(text: str) -> Settings:
    Path("gateway.toml").write_text(PROVIDERS + text, "utf-8")
    return Settings.from_env({})


def refusal(text: str) -> str:
    with pytest.raises(SettingsError) as caught:
        settings_of(text)
    return str(caught.value)


def test_a_price_is_exact() -> None:
    (model,) = settings_of(
        '[models."house/m"]\n[models."house/m".price]\n'
        "input = 0.1\ncached_input = 0.000001\ncache_write = 0\noutput = 4\nreasoning = 5.5\n"
        "tiers = { flex = 0.5, priority = 2.0 }\n"
    ).models
    assert model.price == PriceSettings(
        input=Decimal("0.1"),
        cached_input=Decimal("0.000001"),
        cache_write=Decimal(0),
        output=Decimal(4),
        reasoning=Decimal("5.5"),
        tiers={"flex": Decimal("0.5"), "priority": Decimal(2)},
    )


def test_a_price_names_no_provider_where_the_id_does() -> None:
    (model,) = settings_of('[models."house/m".price]\ninput = 1\noutput = 1\n').models
    assert (model.id, model.provider) == ("house/m", "house")


def test_a_bare_id_still_needs_a_provider() -> None:
    assert "needs a provider" in refusal('[models."m".price]\ninput = 1\noutput = 1\n')


def test_an_id_that_begins_with_no_provider_s_name_needs_one() -> None:
    assert "needs a provider" in refusal('[models."other/m".price]\ninput = 1\noutput = 1\n')


@pytest.mark.parametrize(
    ("line", "number", "reason"),
    [
        ("", 4, "needs input, in USD a million tokens; 0 is free of charge"),
        ("input = 1", 4, "needs output, in USD a million tokens"),
        ("input = -1", 5, "input must be USD a million tokens: a number from 0 to 1000000"),
        ('input = "free"', 5, "input must be USD a million tokens"),
        ("input = nan", 5, "input must be USD a million tokens"),
        ("input = inf", 5, "input must be USD a million tokens"),
        ("input = true", 5, "input must be USD a million tokens"),
        ("input = 0.0000001", 5, "with up to six decimals"),
        ("input = 1000001", 5, "a number from 0 to 1000000"),
        ("imput = 1", 5, "is not a setting (did you mean input?)"),
        ("input = 1\noutput = 1\ntiers = { flx = 1 }", 7, "(did you mean flex?)"),
        ("input = 1\noutput = 1\ntiers = { flex = -1 }", 7, "flex must be a factor"),
        ("input = 1\noutput = 1\ntiers = { default = 2 }", 7, "leave it out"),
        ("input = 1\noutput = 1\ntiers = 3", 7, "must be a table"),
    ],
)
def test_a_price_that_is_none_is_refused_with_its_line(line: str, number: int, reason: str) -> None:
    said = refusal(f'[models."house/m".price]\n{line}\n')
    assert f"line {number}: " in said
    assert reason in said


def test_a_price_that_is_no_table_is_refused() -> None:
    said = refusal('[models."house/m"]\nprice = "free"\n')
    assert "line 5: " in said
    assert "price must be a table" in said
