"""`python -m tests.budget`: show what requests cost now, or record it."""

from __future__ import annotations

import argparse
import sys

from tests.budget import ledger
from tests.budget.running import counted


def main() -> None:
    """Read the command line and count."""
    parser = argparse.ArgumentParser(prog="python -m tests.budget", description=__doc__)
    parser.add_argument("--record", action="store_true", help="write it to budget.toml")
    given = parser.parse_args()
    recorded, figures = ledger.read(), counted()
    if given.record:
        ledger.write(figures)
        sys.stderr.write(f"Recorded in {ledger.FILE} for Python {ledger.PYTHON}.\n")
    for scenario, counts in figures.items():
        sys.stdout.write(f"{scenario}\n")
        for name, now in counts.items():
            then = recorded.get(scenario, {}).get(name)
            was = "nothing recorded" if then is None else f"recorded {then:g}"
            sys.stdout.write(f"  {name:22}{now:10g}   {was}\n")


main()
