"""Which figures a run measures, how often, and in what order."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from bench.figures.agents import Agents
from bench.figures.background import Background
from bench.figures.events import Burst, Paced
from bench.figures.first_event import FirstEvent
from bench.figures.footprint import Footprint
from bench.figures.isolation import Isolation
from bench.figures.memory import Memory
from bench.figures.peers import Peers
from bench.figures.pictures import Pictures
from bench.figures.polls import Polls
from bench.figures.redelivery import Redelivery
from bench.figures.storage import Storage
from bench.figures.streams import Streams
from bench.figures.websocket import WebSockets
from bench.figures.whole import Whole
from bench.setting import Setting

ROUNDS, QUICK_ROUNDS = 5, 2


class Probe(Protocol):
    """Measures one kind of load repeatedly."""

    def measure(self) -> Mapping[str, float]:
        """Measure once, on one server after another, and return the figures by name."""
        ...


@dataclass(frozen=True, slots=True)
class Figure:
    """A probe, how often it measures in a round, and in how many rounds, counted from the last.

    Figures that are compared are measured in many short slices, gateway, floor, gateway, floor ...,
    since the machine's speed drifts: both halves of a slice see the same speed.
    """

    name: str
    begin: Callable[[Setting], Probe]
    slices: int = 1
    rounds: int = ROUNDS


def figures(setting: Setting) -> list[Figure]:
    """Return the figures of a run."""
    chosen = _QUICK if setting.quick else _FULL
    peers = [Figure("peers", Peers, slices=2)] if setting.peer else []
    return [*chosen, *peers]


def measured(setting: Setting, only: str) -> dict[str, list[float]]:
    """Return all measurements by "figure.name"; `only` is a prefix of figures' names."""
    found: defaultdict[str, list[float]] = defaultdict(list)
    chosen = [figure for figure in figures(setting) if figure.name.startswith(only)]
    probes = {figure.name: figure.begin(setting) for figure in chosen}
    for figure in _in_rounds(chosen, QUICK_ROUNDS if setting.quick else ROUNDS):
        for _ in range(figure.slices):
            for name, value in probes[figure.name].measure().items():
                found[f"{figure.name}.{name}"].append(value)
        setting.where.upstream.reset()
    return dict(found)


def _in_rounds(chosen: list[Figure], rounds: int) -> Iterator[Figure]:
    for number in range(rounds):
        for figure in chosen:
            if number >= rounds - figure.rounds:
                sys.stderr.write(f"round {number + 1} of {rounds}: {figure.name}\n")
                yield figure


_QUICK = (
    Figure("whole", Whole, slices=3),
    Figure("agents", Agents),
    Figure("burst", Burst, slices=3),
    Figure("paced", Paced),
    Figure("first_event", FirstEvent, rounds=1),
    Figure("storage", Storage, rounds=1),
    Figure("isolation", Isolation, rounds=1),
    Figure("background", Background, rounds=1),
)
_FULL = (
    Figure("whole", Whole, slices=6),
    Figure("agents", Agents, slices=2),
    Figure("pictures", Pictures, rounds=3),
    Figure("burst", Burst, slices=4),
    Figure("paced", Paced, slices=2),
    Figure("first_event", FirstEvent),
    Figure("storage", Storage),
    Figure("isolation", Isolation),
    *(
        Figure(f"streams_{count}", partial(Streams, count=count), rounds=3)
        for count in (100, 500, 1000)
    ),
    Figure("background", Background),
    Figure("polls", Polls, rounds=3),
    Figure("footprint", Footprint, rounds=1),
    Figure("websocket", WebSockets, rounds=3),
    Figure("redelivery", Redelivery, rounds=1),
    # Last, because of the amount that it stores.
    Figure("memory", Memory, rounds=1),
)
