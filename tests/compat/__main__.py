"""`python -m tests.compat`, which `make compat` runs: write the pages that are found by probing."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.compat import mistakes_page, page
from tests.compat.gateway import gateway


def main() -> None:
    """Probe, write docs/compatibility.md and docs/mistakes.md, and say what has changed."""
    with gateway() as probed:
        _write(page.PAGE, page.text(page.rows(probed)))
        _write(mistakes_page.PAGE, mistakes_page.text(probed))


def _write(path: Path, text: str) -> None:
    before = set(path.read_text("utf-8").splitlines()) if path.exists() else set()
    path.write_text(text, "utf-8")
    changed = [line for line in text.splitlines() if line not in before]
    sys.stdout.write("\n".join((*changed, f"{path.name}: {len(changed)} lines are new\n")))


if __name__ == "__main__":
    main()
