"""When model servers are asked what they serve, and what is said until they answer."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from app.errors import UpstreamUnavailable
from app.services.upstreams import discovery
from app.services.upstreams.discovery import Discovery, spawn
from tests.processes import PATIENCE_S
from tests.services.scripted import Clock, ScriptedProvider


class Background:
    """Runs tasks at once, or holds them until it catches up."""

    def __init__(self) -> None:
        self.is_slow = False
        self.tasks: list[Callable[[], None]] = []

    def __call__(self, task: Callable[[], None]) -> None:
        self.tasks.append(task)
        if not self.is_slow:
            self.catch_up()

    def catch_up(self) -> None:
        while self.tasks:
            self.tasks.pop()()


class Server(ScriptedProvider):
    """A model server whose list a test can change; None is no server at all."""

    def __init__(self, *served: str) -> None:
        super().__init__("ollama")
        self.served: tuple[str, ...] | None = served
        self.lists_fetched = 0

    def models(self) -> tuple[str, ...]:
        self.lists_fetched += 1
        if self.served is None:
            raise UpstreamUnavailable("nobody there")
        return self.served


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server() -> Server:
    return Server("llama3", "qwen3")


@pytest.fixture
def background() -> Background:
    return Background()


@pytest.fixture
def found(server: Server, clock: Clock, background: Background) -> Discovery:
    return Discovery([server], clock, background)


def test_nothing_is_asked_before_it_is_needed(server: Server, found: Discovery) -> None:
    assert server.lists_fetched == 0


def test_a_server_is_asked_when_first_needed(found: Discovery) -> None:
    assert found.models("ollama") == ("llama3", "qwen3")


def test_who_is_not_to_be_asked_has_no_list(found: Discovery) -> None:
    assert found.models("openai") == ()


def test_a_list_is_used_for_a_minute(found: Discovery, server: Server, clock: Clock) -> None:
    found.models("ollama")
    clock.now += 59
    found.models("ollama")
    assert server.lists_fetched == 1


def test_after_a_minute_it_is_asked_again(found: Discovery, server: Server, clock: Clock) -> None:
    found.models("ollama")
    server.served = ("new",)
    clock.now += 60
    assert found.models("ollama") == ("new",)


@pytest.mark.parametrize("served", [None, ()])
def test_a_server_that_is_not_there_or_empty_is_not_listed_and_asked_again_soon(
    found: Discovery, server: Server, clock: Clock, served: tuple[str, ...] | None
) -> None:
    server.served = served
    assert found.models("ollama") == ()
    clock.now += 9
    found.models("ollama")
    assert server.lists_fetched == 1
    server.served = ("llama3",)
    clock.now += 1
    assert found.models("ollama") == ("llama3",)


def test_a_server_that_went_away_is_no_longer_listed(
    found: Discovery, server: Server, clock: Clock
) -> None:
    found.models("ollama")
    server.served = None
    clock.now += 60
    assert found.models("ollama") == ()


def test_an_old_list_is_used_while_a_new_one_is_fetched(
    found: Discovery, background: Background, server: Server, clock: Clock
) -> None:
    found.models("ollama")
    background.is_slow = True
    clock.now += 60
    server.served = ("new",)
    assert found.models("ollama") == ("llama3", "qwen3")
    background.catch_up()
    assert found.models("ollama") == ("new",)


def test_the_first_who_need_a_list_wait_only_so_long(
    found: Discovery, background: Background, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discovery, "FIRST_WAIT_S", 0.001)
    background.is_slow = True
    assert found.models("ollama") == ()


def test_the_first_who_need_a_list_get_it_if_it_comes_in_time(
    server: Server, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discovery, "FIRST_WAIT_S", 30.0)
    assert Discovery([server], clock).models("ollama") == ("llama3", "qwen3")


def test_one_question_at_a_time_is_asked(
    found: Discovery, background: Background, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discovery, "FIRST_WAIT_S", 0.0)
    background.is_slow = True
    for _ in range(5):
        found.models("ollama")
    assert len(background.tasks) == 1


def test_a_bug_in_a_provider_leaves_its_list_empty_and_askable(
    found: Discovery, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "models", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        found.models("ollama")
    assert found.models("ollama") == ()


def test_a_task_is_run_beside_the_caller() -> None:
    ran = threading.Event()
    spawn(ran.set)
    assert ran.wait(PATIENCE_S)


def test_a_list_is_bounded(clock: Clock, background: Background) -> None:
    served = tuple(map(str, range(discovery.MOST_MODELS + 1)))
    found = Discovery([Server(*served)], clock, background)
    assert found.models("ollama") == served[: discovery.MOST_MODELS]
    assert found.lists("ollama", "4999")
    assert not found.lists("ollama", "5000")
    assert not found.lists("openai", "4999")
