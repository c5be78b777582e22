"""`python -m bench.readme [FILE]`: write a kept run into docs/speed.md and docs/capacity.md.

The newest by default.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from bench import capacity
from bench.picture import THEMES, draw
from bench.record import RESULTS
from tests.processes import ROOT

PAGE, CAPACITY = ROOT / "docs" / "speed.md", ROOT / "docs" / "capacity.md"
BEGIN, END = "<!-- bench: begin, written by `make bench-readme` -->", "<!-- bench: end -->"
_REACHED = {True: "reached", False: "**missed**", None: ""}


def main() -> None:
    """Draw the run's charts and write its tables into the pages; README.md shows the chart."""
    kept = sorted(RESULTS.glob("*.json"))
    if not kept and len(sys.argv) < 2:
        sys.exit("No run was kept yet: make bench.")
    file = Path(sys.argv[1]) if len(sys.argv) > 1 else kept[-1]
    run = orjson.loads(file.read_bytes())
    for name, theme in THEMES.items():
        (RESULTS / f"picture-{name}.svg").write_text(draw(run["medians"], caption(run), theme))
    PAGE.write_text(inserted(PAGE.read_text(), section(run, file.name)))
    content = capacity.section(run, source(run, file.name))
    CAPACITY.write_text(inserted(CAPACITY.read_text(), content))


def inserted(page: str, section: str) -> str:
    """Return the page with a new section between its markers."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{section}\n{END}{after}"


def section(run: Mapping[str, Any], name: str) -> str:
    """Return the page's section about a run; `name` is its file of results."""
    return f"{_PICTURE}\n\n{table(run['figures'])}\n\n{source(run, name)}"


def source(run: Mapping[str, Any], name: str) -> str:
    """Return a caption that links to the file of results."""
    return f"[{caption(run)}](../bench/results/{name})"


def table(figures: Sequence[Mapping[str, Any]]) -> str:
    """Return the rows as a Markdown table, each target beside its result."""
    lines = ["| figure | target | measured | | beside it |", "|---|---|---|---|---|"]
    lines += [
        f"| {row['name']} | {row['target']} | {row['value']} | {_REACHED[row['reached']]} "
        f"| {row['beside']} |"
        for row in figures
    ]
    return "\n".join(lines)


def caption(run: Mapping[str, Any]) -> str:
    """Return when, and on which machine, a run was made."""
    date, machine = datetime.fromisoformat(run["date"]), run["machine"]
    commit = [f"commit {run['commit']}"] if run["commit"] else []
    on = [f"{machine['cores']} cores of {machine['processor']}", f"Python {machine['python']}"]
    result = [f"{date:%Y-%m-%d}", *commit, *on]
    if version := run["versions"].get("litellm"):
        result.append(f"LiteLLM {version}")
    return " · ".join(result)


_PICTURE = """\
<picture>
  <source media="(prefers-color-scheme: dark)" srcset="../bench/results/picture-dark.svg">
  <img alt="CPU beside a naive pass-through" src="../bench/results/picture-light.svg">
</picture>"""


if __name__ == "__main__":
    main()
