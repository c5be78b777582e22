"""Fenced blocks of a page: which of them are programs, and what stands behind them as output."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.docs.documents import documents
from tests.processes import ROOT

#: What a fence calls a program, and what runs it.
PROGRAMS = {"bash": "bash", "console": "console", "python": "python", "js": "js"}
#: What a fence calls the output of a program.
OUTPUTS = frozenset({"text", "json"})

_FENCE = re.compile(r"(`{3,}|~{3,})\s*(\w*)")
_NOT_RUN = re.compile(r"<!-- not run: (.+) -->")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language, its text, and its lines in the page, fences included.

    `not_run` is the reason that the page gives in a comment above it, "" where there is none.
    """

    language: str
    text: str
    first: int
    last: int
    not_run: str = ""

    @property
    def is_program(self) -> bool:
        """Whether a reader is meant to run it."""
        return self.language in PROGRAMS


@dataclass(frozen=True, slots=True)
class Snippet:
    """A program and the block behind it that shows what it prints, if there is one."""

    program: Block
    output: Block | None


def pages() -> tuple[Path, ...]:
    """Return the pages for users that have programs: those of docs/, and those at the top."""
    return tuple(page for page in user_pages() if snippets(page.read_text("utf-8")))


def user_pages() -> tuple[Path, ...]:
    """Return every page for users."""
    docs = ROOT / "docs"
    return tuple(page for page in documents() if page.parent == ROOT or page.is_relative_to(docs))


def snippets(text: str) -> list[Snippet]:
    """Return a page's programs in their order, those that are not run among them."""
    found = list(blocks(text))
    lines = text.splitlines()
    result = []
    for block, following in zip(found, [*found[1:], None], strict=False):
        if not block.is_program:
            continue
        shows = (
            block.language != "console"
            and following is not None
            and following.language in OUTPUTS
            and not "".join(lines[block.last + 1 : following.first]).strip()
        )
        result.append(Snippet(block, following if shows else None))
    return result


def blocks(text: str) -> Iterator[Block]:
    """Yield each fenced block of a page."""
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        fence = _FENCE.match(lines[at])
        if fence is None:
            at += 1
            continue
        first = at
        at += 1
        while not lines[at].startswith(fence[1]):
            at += 1
        reason = _NOT_RUN.fullmatch(lines[first - 1]) if first else None
        inside = "\n".join(lines[first + 1 : at])
        yield Block(fence[2], inside, first, at, reason[1] if reason else "")
        at += 1


@dataclass(frozen=True, slots=True)
class Prompt:
    """A command of a `console` block, and the lines behind it, which it prints."""

    command: str
    output: str


def prompts(text: str) -> list[Prompt]:
    """Return the commands of a `console` block: what stands behind `$ `, with lines that go on."""
    result: list[Prompt] = []
    goes_on = False
    for line in text.splitlines():
        if goes_on:
            result[-1] = Prompt(f"{result[-1].command}\n{line}", "")
        elif line.startswith("$ "):
            result.append(Prompt(line.removeprefix("$ "), ""))
        else:
            last = result[-1]
            result[-1] = Prompt(last.command, f"{last.output}{line}\n")
            continue
        goes_on = line.endswith("\\")
    return result
