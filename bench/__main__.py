"""`python -m bench`: measure, compare, keep."""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median

from bench import generator, picture, record, servers
from bench.figures.events import Events
from bench.figures.first_event import FirstEvent
from bench.figures.isolation import Isolation
from bench.figures.memory import Memory
from bench.figures.storage import Storage
from bench.figures.streams import Streams
from bench.figures.whole import Whole
from bench.rows import rows
from bench.setting import Setting
from bench.table import table
from tests import redis_server
from tests.upstream import client as upstreams

ROUNDS, QUICK_ROUNDS = 5, 3

Probe = Callable[[], Mapping[str, float]]


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the main figures, in a minute")
    parser.add_argument("--only", default="", help="only the figures of this module")
    given = parser.parse_args()
    began = datetime.now(UTC)
    with _setting(quick=given.quick) as setting:
        rounds = _measured(setting, given.only)
    medians = {key: median(values) for key, values in rounds.items()}
    lines = rows(medians)
    sys.stdout.write(table(lines) + "\n")
    if given.only:
        return
    kind = "quick" if given.quick else "full"
    file = record.keep(rounds, medians, lines, began, kind)
    sys.stdout.write(f"\nKept as {file.relative_to(Path.cwd())}\n")
    if not given.quick:
        picture.draw(medians, record.RESULTS / "picture.svg")


@contextlib.contextmanager
def _setting(*, quick: bool) -> Iterator[Setting]:
    """Start everything."""
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        redis_url = stack.enter_context(redis_server.running())
        upstream = stack.enter_context(upstreams.running())
        where = servers.place(redis_url, upstream, directory)
        load = stack.enter_context(generator.running())
        gateway = stack.enter_context(servers.gateway(where, 1))
        floor = stack.enter_context(servers.floor(where, 1))
        pair = stack.enter_context(servers.gateway(where, 2))
        yield Setting(where, load, gateway, floor, pair, servers.direct(where), quick)


def _measured(setting: Setting, only: str) -> dict[str, list[float]]:
    """Return what each round measured; what is noisy is measured in each of them."""
    every_round: dict[str, Callable[[], Probe]] = {
        "whole": lambda: Whole(setting).measure,
        "events": lambda: Events(setting).measure,
        "first_event": lambda: FirstEvent(setting).measure,
        "storage": lambda: Storage(setting).measure,
        "isolation": lambda: Isolation(setting).measure,
    }
    once: dict[str, Callable[[], Probe]] = {}
    if not setting.quick:
        for count in (100, 500, 1000):
            every_round[f"streams_{count}"] = partial(_streams, setting, count)
        once["memory"] = lambda: Memory(setting).measure
    found: defaultdict[str, list[float]] = defaultdict(list)
    _run(every_round, only, QUICK_ROUNDS if setting.quick else ROUNDS, found, setting)
    _run(once, only, 1, found, setting)
    return dict(found)


def _streams(setting: Setting, count: int) -> Probe:
    return Streams(setting, count).measure


def _run(
    figures: Mapping[str, Callable[[], Probe]],
    only: str,
    rounds: int,
    found: defaultdict[str, list[float]],
    setting: Setting,
) -> None:
    probes = {name: begin() for name, begin in figures.items() if name.startswith(only)}
    for number in range(rounds):
        for name, probe in probes.items():
            sys.stderr.write(f"round {number + 1} of {rounds}: {name}\n")
            for key, value in probe().items():
                found[f"{name}.{key}"].append(value)
            setting.where.upstream.reset()


main()
