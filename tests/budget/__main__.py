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
    if given.record and not ledger.is_same_python():
        sys.exit("Calls are recorded with Python {}.{} only.".format(*ledger.PYTHON))
    recorded, now = ledger.read(), counted()
    if given.record:
        ledger.write(now)
    for scenario, figures in now.items():
        sys.stdout.write(f"{scenario}\n")
        for name, count in figures.items():
            then = recorded.get(scenario, {}).get(name)
            was = "not recorded" if then is None else f"{then:.10g}"
            sys.stdout.write(f"  {name:22}{count:10.10g}  (was {was})\n")


main()
