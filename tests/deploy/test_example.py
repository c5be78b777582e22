"""The example of gateway.toml is taken, and shows what is so without it."""

from __future__ import annotations

import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

from app.providers.registry import build
from app.settings import (
    BackgroundSettings,
    LimitSettings,
    RedisSettings,
    RequestSettings,
    Settings,
    WebSettings,
)
from tests.processes import ROOT

EXAMPLE = ROOT / "deploy" / "gateway.example.toml"
ENVIRON = {"GATEWAY_CONFIG": str(EXAMPLE), "OPENAI_API_KEY": "sk-a", "ANTHROPIC_API_KEY": "sk-b"}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Be where no gateway runs."""
    monkeypatch.chdir(tmp_path)


def test_the_example_is_taken() -> None:
    settings = Settings.from_env(ENVIRON)
    assert [build(each).name for each in settings.providers] == [
        "openai",
        "anthropic",
        "house",
        "local",
    ]


def test_the_example_shows_the_defaults() -> None:
    settings = Settings.from_env(ENVIRON)
    assert settings.limits == LimitSettings()
    assert settings.background == BackgroundSettings()
    assert settings.requests == RequestSettings()
    assert settings.redis == RedisSettings(embedded=True)
    assert settings.web == WebSettings()


def test_what_the_example_leaves_in_comments_is_taken_too(tmp_path: Path) -> None:
    text = EXAMPLE.read_text("utf-8").replace('\n# ca_file = "/etc', '\n# #ca_file = "/etc')
    whole = "\n".join(
        line.removeprefix("# ") if " = " in line or line.startswith("# [") else line
        for line in text.splitlines()
    )
    (tmp_path / "gateway.toml").write_text(whole, "utf-8")
    (tmp_path / "codex.md").write_text("Be careful.", "utf-8")
    document = tomllib.loads(whole)
    Settings.from_env(ENVIRON | {"GATEWAY_CONFIG": str(tmp_path / "gateway.toml")})
    assert set(document["limits"]) == {field.name for field in fields(LimitSettings)}
    assert set(document["requests"]) == {field.name for field in fields(RequestSettings)}
    assert set(document["redis"]) == {field.name for field in fields(RedisSettings)} - {"embedded"}
