"""`python -m tests.compat`, which `make compat` runs: write docs/compatibility.md anew."""

from __future__ import annotations

import sys

from tests.compat.gateway import gateway
from tests.compat.page import PAGE, rows, text


def main() -> None:
    """Probe, write the page, and say what has changed."""
    before = set(PAGE.read_text("utf-8").splitlines()) if PAGE.exists() else set()
    with gateway() as probed:
        whole = text(rows(probed))
    PAGE.write_text(whole, "utf-8")
    changed = [line for line in whole.splitlines() if line not in before]
    sys.stdout.write("\n".join((*changed, f"{PAGE.name}: {len(changed)} lines are new\n")))


if __name__ == "__main__":
    main()
