"""What `up` says once the gateway answers."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path

from app.cli.up.greeting import greeting
from app.settings import ProviderSettings

LOCAL = ProviderSettings(name="local", api="local")
OPENAI = ProviderSettings(name="openai", api="responses", models=("gpt-*", "o[0-9]*", "whisper"))


def said(models: Sequence[str] = (), providers: Sequence[ProviderSettings] = (LOCAL,)) -> str:
    return greeting("127.0.0.1:8000", "sk-key", Path("data/first-key"), models, providers)


def command(text: str) -> list[str]:
    (line,) = [line for line in text.splitlines() if line.startswith("curl ")]
    return shlex.split(line)


def model_of(text: str) -> str:
    words = command(text)
    model: str = json.loads(words[words.index("-d") + 1])["model"]
    return model


def test_the_command_is_one_line_that_a_shell_takes_as_it_is() -> None:
    words = command(said())
    assert words[1] == "http://127.0.0.1:8000/v1/responses"
    assert "Authorization: Bearer sk-key" in words
    assert "Content-Type: application/json" in words


def test_the_command_asks_the_built_in_model() -> None:
    assert model_of(said(["big", "local/echo"])) == "local/echo"


def test_without_a_built_in_model_the_command_asks_the_first_there_is() -> None:
    assert model_of(said(["big", "small"], [OPENAI])) == "big"


def test_without_any_known_model_the_command_leaves_a_place_for_its_name() -> None:
    assert model_of(said([], [OPENAI])) == "MODEL"


def test_models_are_listed_by_name_and_by_glob() -> None:
    assert "Models: local/echo, ollama/qwen; gpt-*, o[0-9]* at openai\n" in said(
        ["local/echo", "ollama/qwen"], [OPENAI, LOCAL]
    )


def test_many_models_are_cut_short() -> None:
    text = said([f"m{number}" for number in range(1, 21)])
    assert "m12 and 8 more (GET /v1/models)" in text


def test_it_says_where_the_key_is_kept() -> None:
    assert "The key is kept in data/first-key." in said()


def test_it_says_where_the_pages_are_that_there_are_for_a_browser_that_reaches_them() -> None:
    key_file = Path("data/first-key")
    shown = "Or look: http://127.0.0.1:8000/console\nOr read: http://127.0.0.1:8000/docs/\n"
    assert shown in said()
    one = greeting("127.0.0.1:8000", "sk-key", key_file, (), (LOCAL,), pages={"/docs/": "Or read"})
    assert "/docs/" in one
    assert "/console" not in one
    nowhere = greeting("unix:/run/gateway.sock", "sk-key", key_file, (), (LOCAL,))
    assert "/console" not in nowhere
    assert "/docs" not in nowhere
