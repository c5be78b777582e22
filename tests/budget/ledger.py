"""budget.toml: what was recorded, and how what is counted now compares with it."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

Figures = Mapping[str, float]

FILE = Path(__file__).parent / "budget.toml"
#: Each version compiles to other instructions, and 3.12 has no calls for comprehensions. So their
#: counts are those of one: the version that the lock is made with, and that CI runs.
PYTHON = (3, 11)
WORK = ("calls", "instructions")

#: A figure may grow by less than a tenth. One that has fallen by a fifth is to be recorded anew,
#: or what was gained could be lost again without a word, and a tenth on top.
GROWN, FALLEN = 0.1, 0.2
#: How much of them may differ from run to run. Figures of other kinds are what was recorded.
NOISE = {"bytes": 16.0, "pieces": 0.2, "calls": 0.2, "instructions": 10.0}

HOW = ".venv/bin/python -m tests.budget --record"
ADVICE = f"""
What has grown is to be made cheaper. If what it buys is worth it, say in the commit what that is.
What has fallen is to stay there. Either way the new figures are recorded by
    {HOW}
"""

_HEAD = f"""\
# What one request costs, see tests/budget/__init__.py; of event_*: one more event of a stream.
# Written by `{HOW}`: what hardly moved stays as it was.
"""
_MOVED = 0.02  # less is not worth a line in a commit


def is_work(name: str) -> bool:
    """Tell whether a figure depends on the version of Python."""
    return _kind(name) in WORK


def is_same_python() -> bool:
    """Tell whether this is the version of Python that the work is recorded with."""
    return sys.version_info[:2] == PYTHON


def read(file: Path = FILE) -> dict[str, dict[str, float]]:
    """Return what is recorded of each scenario."""
    return tomllib.loads(file.read_text("utf-8")) if file.exists() else {}


def write(counted: Mapping[str, Figures], file: Path = FILE) -> None:
    """Record what was counted."""
    recorded = read(file)
    tables = [_HEAD]
    for scenario, figures in counted.items():
        then = recorded.get(scenario, {})
        kept = {name: _kept(name, then.get(name), now) for name, now in figures.items()}
        lines = [f"{name} = {value:.10g}\n" for name, value in kept.items()]
        tables.append("".join([f"[{scenario}]\n", *lines]))
    file.write_text("\n".join(tables), "utf-8")


def complaints(scenario: str, recorded: Figures, counted: Figures) -> Iterator[str]:
    """Yield a sentence for each figure that is not what was recorded, near enough."""
    for name, now in counted.items():
        then = recorded.get(name)
        if then is None:
            yield f"{scenario}: {name} is not recorded; it is {now:.10g}."
            continue
        moved = f"from {then:.10g} to {now:.10g}" + (f" ({now / then - 1:+.0%})" if then else "")
        if _is_far(name, now - then, then * GROWN):
            yield f"{scenario}: {name} has grown {moved}."
        elif _is_far(name, then - now, then * FALLEN):
            yield f"{scenario}: {name} has fallen {moved}."


def _kind(name: str) -> str:
    return name.rpartition("_")[2]


def _is_far(name: str, change: float, most: float) -> bool:
    noise = NOISE.get(_kind(name))
    return change > 0 if noise is None else change >= max(most, noise)


def _kept(name: str, then: float | None, now: float) -> float:
    stays = then is not None and not _is_far(name, abs(now - then), then * _MOVED)
    return then if then is not None and stays else now
