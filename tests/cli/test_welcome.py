"""What follows the start: the wait, the first key, the greeting."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

import pytest

from app.cli.up import welcome as room
from app.cli.up.welcome import NotReady, welcome
from app.settings import Settings

SETTINGS = Settings()


@dataclass(slots=True)
class Gateway:
    """A gateway that says these things of itself, one after the other, when it is asked for."""

    ready: Iterator[tuple[int, bytes] | None]
    keys: set[str] = field(default_factory=set)

    def ask(self, _bind: str, path: str, key: str | None = None) -> tuple[int, bytes] | None:
        if path == "/readyz":
            return next(self.ready)
        if key in self.keys:
            return 200, b'{"data":[{"id":"local/echo"},{"id":"ollama/qwen"}]}'
        return 401, b"{}"

    def make_key(self, _settings: Settings) -> str:
        self.keys.add("sk-new")
        return "sk-new"


def install(monkeypatch: pytest.MonkeyPatch, *ready: tuple[int, bytes] | None) -> Gateway:
    gateway = Gateway(iter(ready))
    monkeypatch.setattr(room, "ask", gateway.ask)
    monkeypatch.setattr(room, "_make_key", gateway.make_key)
    monkeypatch.setattr(room, "_POLL_S", 0)
    monkeypatch.setattr(room, "_UNREADY_POLL_S", 0)
    return gateway


READY = (200, b'{"status":"ready"}')


def test_it_waits_until_the_gateway_is_ready(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install(monkeypatch, None, (503, b"{}"), READY)
    assert "sk-new" in welcome(SETTINGS, tmp_path / "key", Event())


def test_it_names_the_models_that_the_key_may_use(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install(monkeypatch, READY)
    assert "Models: local/echo, ollama/qwen\n" in welcome(SETTINGS, tmp_path / "key", Event())


def test_the_next_start_shows_the_same_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    gateway = install(monkeypatch, READY)
    gateway.keys.add("sk-old")
    (tmp_path / "key").write_text("sk-old\n", "utf-8")
    assert "sk-old" in welcome(SETTINGS, tmp_path / "key", Event())


def test_a_key_that_another_redis_does_not_know_is_made_anew(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install(monkeypatch, READY)
    (tmp_path / "key").write_text("sk-old\n", "utf-8")
    assert "sk-new" in welcome(SETTINGS, tmp_path / "key", Event())


def test_a_gateway_that_never_gets_ready_is_quoted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install(monkeypatch, (503, b'{"worker":"missing"}'))
    monkeypatch.setattr(room, "monotonic", iter([0.0, 1.0, 61.0]).__next__)
    with pytest.raises(NotReady, match=r'after 60 s: \{"worker":"missing"\}'):
        welcome(SETTINGS, tmp_path / "key", Event())


def test_the_wait_ends_when_it_is_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install(monkeypatch)
    over = Event()
    over.set()
    with pytest.raises(NotReady):
        welcome(SETTINGS, tmp_path / "key", over)
