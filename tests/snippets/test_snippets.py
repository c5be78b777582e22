"""Every program on the documentation's pages runs, and prints what its page shows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.documents import relative
from tests.processes import ROOT
from tests.snippets.pages import Block, blocks, pages, snippets, user_pages
from tests.snippets.runner import PageRunner, has_node, is_run, page_runner
from tests.snippets.site import running

pytestmark = pytest.mark.e2e

#: Programs that pages mark as not run. A new one is worth a thought: could it be run?
NOT_RUN = 10
#: Why a program may not be run: it needs what a test has not.
REASONS = ("needs ", "makes a checkout", "runs for minutes", "ends with Ctrl-C")


@pytest.fixture(scope="module")
def runner() -> Iterator[PageRunner]:
    with running() as site, page_runner(site) as runner:
        yield runner


@pytest.mark.parametrize("page", pages(), ids=relative)
def test_a_pages_programs_print_what_it_shows(page: Path, runner: PageRunner) -> None:
    drifts = list(runner.drifts(page.read_text("utf-8")))
    assert not drifts, "\n".join(map(str, drifts)) + "\nIf that is meant: make docs-output"


def test_what_is_not_run_says_why_and_is_counted() -> None:
    marked = [block for block in _every_block() if block.not_run]
    assert [block.not_run for block in marked if not block.not_run.startswith(REASONS)] == []
    assert [block.text for block in marked if not block.is_program] == []
    assert len(marked) == NOT_RUN


def test_javascript_is_run_where_node_and_its_package_are() -> None:
    if not has_node():
        pytest.skip("node or its package `openai` is not here: `make clients` runs JavaScript")
    assert all(is_run(block) for block in _every_block() if block.language == "js")


def test_each_guide_says_it_by_curl_in_python_and_in_javascript() -> None:
    guides = (ROOT / "docs" / "guides").glob("*.md")
    lacking = {
        relative(page): missing
        for page in guides
        if (missing := {"bash", "python", "js"} - _languages(page)) and page.name not in _OTHERS
    }
    assert lacking == {}


#: Guides of what has no curl, Python and JavaScript of its own.
_OTHERS = frozenset({"README.md", "agents.md"})


def _languages(page: Path) -> set[str]:
    return {snippet.program.language for snippet in snippets(page.read_text("utf-8"))}


def _every_block() -> Iterator[Block]:
    for page in user_pages():
        yield from blocks(page.read_text("utf-8"))
