"""What models are called in metrics (N12)."""

from __future__ import annotations

from app.services.upstreams.discovery import Discovery
from app.services.upstreams.model_labels import MAX_LABELS, OTHER, ModelLabels
from tests.services.scripted import Clock, ScriptedProvider


class Server(ScriptedProvider):
    """A provider that lists models."""

    def __init__(self, *listed: str) -> None:
        super().__init__("house")
        self._listed = listed

    def models(self) -> tuple[str, ...]:
        return self._listed


SERVED = {"vendor": ("claude-*", "small"), "house": ()}


def labels(*listed: str, configured: tuple[str, ...] = ("best",)) -> ModelLabels:
    house = Server(*listed)
    return ModelLabels(configured, SERVED, Discovery([house], Clock(), lambda task: task()))


def test_ids_of_the_configuration_and_of_lists_are_called_as_their_callers_call_them() -> None:
    known = ("best", "small", "vendor/small", "llama3", "house/llama3")
    assert [labels("llama3").of(each) for each in known] == list(known)


def test_what_callers_invent_is_other() -> None:
    invented = ("", "claude-of-mine", "vendor/claude-of-mine", "house/", "house/mine", "BEST")
    assert {labels("llama3").of(each) for each in invented} == {OTHER}


def test_no_more_than_so_many_have_labels_and_those_of_the_configuration_come_first() -> None:
    configured = tuple(f"own-{number}" for number in range(150))
    listed = [f"listed-{number}" for number in range(500)]
    given = labels(*listed, configured=configured)
    asked = [*listed, *(f"house/{each}" for each in listed), *configured, "small", "vendor/small"]
    called = {given.of(each) for each in asked}
    assert len(called - {OTHER}) == MAX_LABELS
    assert called >= {*configured, "vendor/small", "listed-0", "house/listed-0", OTHER}


def test_no_list_is_waited_for() -> None:
    house = Server("llama3")
    waiting: list[object] = []
    discovery = Discovery([house], Clock(), waiting.append)
    given = ModelLabels((), SERVED, discovery)
    assert given.of("llama3") == OTHER
    (fetch,) = waiting
    assert callable(fetch)
    fetch()
    assert given.of("llama3") == "llama3"
