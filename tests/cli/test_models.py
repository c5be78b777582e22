"""The `models` command."""

from __future__ import annotations

import json

import pytest

from app.cli.models import models
from app.settings import ModelSettings, ProviderSettings, Settings
from tests.cli.operating import Operator

PROVIDERS = (
    ProviderSettings(name="local", api="local", discover=True),
    ProviderSettings(
        name="house",
        api="chat_completions",
        base_url="http://127.0.0.1:9/v1",
        models=("big", "gpt-*"),
    ),
)
MODELS = (
    ModelSettings(id="fast", provider="house", upstream_model="small-2", fallbacks=("local/echo",)),
)


@pytest.fixture
def operator() -> Operator:
    return Operator(settings=Settings(providers=PROVIDERS, models=MODELS))


def test_models_are_listed_by_provider_with_what_they_are_called_there(operator: Operator) -> None:
    titles, *rows = operator.reads(models).splitlines()
    assert titles.split("  ")[0] == "PROVIDER"
    assert [row.split() for row in rows] == [
        ["local", "local/echo", "echo", "-"],
        ["local", "local/demo", "demo", "-"],
        ["local", "local/*", "(its", "own", "name)", "-"],
        ["house", "fast", "small-2", "local/echo"],
        ["house", "big", "big", "-"],
        ["house", "gpt-*", "(its", "own", "name)", "-"],
        ["house", "house/*", "(its", "own", "name)", "-"],
    ]


def test_models_are_json_a_line_each(operator: Operator) -> None:
    lines = [json.loads(line) for line in operator.reads(models, "--json").splitlines()]
    assert lines[3] == {
        "provider": "house",
        "model": "fast",
        "upstream_model": "small-2",
        "fallbacks": ["local/echo"],
    }
    assert lines[-1]["upstream_model"] is None
