"""budget.toml: what was recorded, and how what is counted now compares with it.

What goes over a wire is the same with every Python. Calls and instructions are not: there is a
table of them for each version that somebody has recorded.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

Figures = Mapping[str, float]

FILE = Path(__file__).parent / "budget.toml"
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"

#: A figure may grow by less than a tenth. One that has fallen by a fifth is to be recorded anew,
#: or what was gained could be lost again without a word: 1.2 times that, and a tenth on top.
GROWN, FALLEN = 0.1, 0.2
#: How much of them may differ from run to run. Figures of other kinds are what was recorded.
NOISE = {"bytes": 16.0, "pieces": 0.2, "calls": 0.2, "instructions": 10.0}
WORK = ("calls", "instructions")

_MOVED = 0.02  # less is not worth a line in a commit
_HOW = ".venv/bin/python -m tests.budget --record"
_HEAD = f"""\
# What one request costs, see tests/budget/__init__.py; of event_*: one more event of a stream.
# Written by `{_HOW}`: what hardly moved stays as it was.
"""


def kind_of(name: str) -> str:
    """Return what a figure counts."""
    return name.rpartition("_")[2]


def read(file: Path = FILE, python: str = PYTHON) -> dict[str, dict[str, float]]:
    """Return what is recorded: all traffic, and the work with this Python if there is any."""
    recorded = {}
    for scenario, table in _tables(file).items():
        traffic = {name: value for name, value in table.items() if not isinstance(value, dict)}
        recorded[scenario] = traffic | table.get(python, {})
    return recorded


def write(counted: Mapping[str, Figures], file: Path = FILE, python: str = PYTHON) -> None:
    """Record what was counted, and keep the work that was recorded with other Pythons."""
    before, tables = read(file, python), _tables(file)
    parts = [_HEAD]
    for scenario, figures in counted.items():
        then = before.get(scenario, {})
        kept = {name: _kept(name, then.get(name), now) for name, now in figures.items()}
        work = {name: value for name, value in kept.items() if kind_of(name) in WORK}
        pythons = {key: t for key, t in tables.get(scenario, {}).items() if isinstance(t, dict)}
        parts.append(_table(scenario, {n: v for n, v in kept.items() if n not in work}))
        for key, table in sorted((pythons | {python: work}).items()):
            parts.append(_table(f'{scenario}."{key}"', table))
    file.write_text("\n".join(parts), "utf-8")


def complaints(scenario: str, recorded: Figures, counted: Figures) -> Iterator[str]:
    """Yield a sentence for each figure that is not what was recorded, near enough."""
    for name, now in counted.items():
        then = recorded.get(name)
        if then is None:
            yield f"{scenario}: {name} is not recorded; it is {now:.10g}. Record it: {_HOW}"
            continue
        moved = f"from {then:.10g} to {now:.10g}" + (f" ({now / then - 1:+.0%})" if then else "")
        if _is_far(name, now - then, then * GROWN):
            yield (
                f"{scenario}: {name} has grown {moved}. Make it cheaper. If what it buys is worth "
                f"it, say in the commit what that is, and record it: {_HOW}"
            )
        elif _is_far(name, then - now, then * FALLEN):
            yield (
                f"{scenario}: {name} has fallen {moved}. Well done. Record it, so that it stays "
                f"there: {_HOW}"
            )


def _is_far(name: str, change: float, most: float) -> bool:
    noise = NOISE.get(kind_of(name))
    return change > 0 if noise is None else change >= max(most, noise)


def _kept(name: str, then: float | None, now: float) -> float:
    stays = then is not None and not _is_far(name, abs(now - then), then * _MOVED)
    return then if then is not None and stays else now


def _tables(file: Path) -> dict[str, dict[str, Any]]:
    return tomllib.loads(file.read_text("utf-8")) if file.exists() else {}


def _table(header: str, figures: Figures) -> str:
    lines = [f"{name} = {value:.10g}\n" for name, value in figures.items()]
    return "".join([f"[{header}]\n", *lines])
