"""`python -m tests.snippets [--check] [PAGE]`: run pages' programs, write their output anew."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from clients.environments import installed
from tests.docs.documents import relative
from tests.snippets.pages import pages
from tests.snippets.runner import NONE, PageRunner, has_node, page_runner, replaced
from tests.snippets.sessions import BlockFailed
from tests.snippets.site import running

AGENTS = installed("openai_agents") / "bin" / "python"


def main() -> None:
    """Read the command line and run; end with 1 where a program failed, or --check found one."""
    parser = argparse.ArgumentParser(prog="python -m tests.snippets", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; say what differs")
    parser.add_argument(
        "--clients",
        action="store_true",
        help="run what needs packages that `make clients` installs",
    )
    parser.add_argument("page", nargs="*", type=Path, help="these pages only")
    given = parser.parse_args()
    if not has_node():
        sys.stderr.write("JavaScript is not run: that needs node and `make clients`.\n")
    chosen = [page.resolve() for page in given.page] or pages()
    packages = {"needs openai-agents": AGENTS} if given.clients else NONE
    with running() as site, page_runner(site, packages) as runner:
        results = [_is_well(runner, page, is_check=given.check) for page in chosen]
    sys.exit(not all(results))


def _is_well(runner: PageRunner, page: Path, *, is_check: bool) -> bool:
    text = page.read_text("utf-8")
    drifts = []
    failure = ""
    try:
        for drift in runner.drifts(text):
            drifts.append(drift)
    except BlockFailed as failed:
        failure = str(failed)
    if not is_check and drifts:
        page.write_text(replaced(text, drifts), "utf-8")
    for drift in drifts:
        sys.stdout.write(f"{relative(page)}, {drift}\n")
    if failure:
        sys.stdout.write(f"{relative(page)}, {failure}\n")
    return not failure and not (drifts and is_check)


main()
