"""A page run from its first block to its last."""

from __future__ import annotations

import contextlib
import difflib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.processes import ROOT
from tests.snippets import commands
from tests.snippets.matching import language_of, matches, rewritten, shortened, without_what_varies
from tests.snippets.pages import Block, Snippet, prompts, snippets
from tests.snippets.sessions import NEW_PAGE, BlockFailed, NodeSession, Session, bash, python
from tests.snippets.site import Site, node_modules

#: The one command that is not run again: the gateway of the test is its run.
MAKE_RUN = "make run"
#: No package but those of the tests.
NONE: Mapping[str, Path] = {}


@dataclass(frozen=True, slots=True)
class Drift:
    """A block whose output is not what its page shows: `shown` and `printed` in the page's words.

    `first` and `last` are the lines that are to be replaced by `fresh`.
    """

    line: int
    shown: str
    printed: str
    first: int
    last: int
    fresh: str

    def __str__(self) -> str:
        diff = difflib.unified_diff(
            without_what_varies(self.shown).splitlines(),
            without_what_varies(self.printed).splitlines(),
            "the page",
            "the program",
            lineterm="",
        )
        return f"line {self.line}:\n" + "\n".join(diff)


class PageRunner:
    """Runs the blocks of pages: see `page_runner`."""

    def __init__(
        self, site: Site, python: Session, command: Sequence[str], packages: Mapping[str, Path]
    ) -> None:
        self._site = site
        self._python = python
        self._command = command
        self._packages = packages
        self._sessions: dict[str, Session] = {}

    def drifts(self, text: str) -> Iterator[Drift]:
        """Run a page; yield what differs.

        Raises:
            BlockFailed: a program fails.
        """
        self._python.run(NEW_PAGE)
        self._sessions = {
            "bash": bash(self._site.surroundings, self._command),
            "python": self._python,
            "js": NodeSession(self._site.surroundings),
        }
        try:
            for snippet in snippets(text):
                if is_run(snippet.program, self._packages):
                    yield from self._drift(snippet)
        finally:
            self._sessions["bash"].close()

    def _drift(self, snippet: Snippet) -> Iterator[Drift]:
        program = snippet.program
        if program.language == "console":
            yield from self._console(program)
            return
        printed = self._printed(program)
        output = snippet.output
        if output is None:
            if printed.strip():
                language, at = language_of(printed), program.last + 1
                fresh = rewritten("", printed, language)
                yield Drift(program.first + 1, "", fresh, at, at, f"\n{_fenced(language, fresh)}")
        elif not matches(output.text, printed, output.language):
            fresh = rewritten(output.text, printed, output.language)
            yield Drift(
                program.first + 1,
                output.text,
                fresh,
                output.first,
                output.last + 1,
                _fenced(output.language, fresh),
            )

    def _printed(self, program: Block) -> str:
        """Run a block, with the Python that has the package that it needs, where it needs one."""
        python = self._packages.get(program.not_run)
        if python is None:
            return self._run(program.language, program.text, program.first)
        text = program.text if program.language == "bash" else _piped(program.text)
        return self._run("bash", f'(PATH="{python.parent}:$PATH"\n{text}\n)', program.first)

    def _console(self, block: Block) -> Iterator[Drift]:
        fresh = ""
        has_drifted = False
        for prompt in prompts(block.text):
            printed = self._run("bash", prompt.command, block.first)
            is_same = matches(prompt.output, printed, "text")
            has_drifted |= not is_same
            kept = prompt.output if is_same else shortened(printed)
            fresh += f"$ {prompt.command}\n{kept}"
        if has_drifted:
            yield Drift(
                block.first + 1,
                block.text,
                fresh.strip("\n"),
                block.first,
                block.last + 1,
                _fenced("console", fresh),
            )

    def _run(self, language: str, text: str, line: int) -> str:
        if text == MAKE_RUN:
            return self._site.to_show(self._site.greeting)
        try:
            printed = self._sessions[language].run(self._site.to_run(text))
        except BlockFailed as failure:
            raise BlockFailed(f"line {line + 1} {self._site.to_show(str(failure))}") from None
        return self._site.to_show(printed)


@contextlib.contextmanager
def page_runner(site: Site, packages: Mapping[str, Path] = NONE) -> Iterator[PageRunner]:
    """Yield what runs pages against a gateway.

    `packages` are Pythons by the reason for which a block is not run otherwise.
    """
    session = python(site.surroundings)
    try:
        with commands.running(ROOT, dict(site.surroundings.environ)) as command:
            yield PageRunner(site, session, command, packages)
    finally:
        session.close()


def is_run(program: Block, packages: Mapping[str, Path] = NONE) -> bool:
    """Tell whether a program can be run here, and is meant to be."""
    is_meant = not program.not_run or program.not_run in packages
    return is_meant and (program.language != "js" or has_node())


def has_node() -> bool:
    """Tell whether JavaScript can be run: node, and the npm package."""
    return shutil.which("node") is not None and node_modules() is not None


def replaced(text: str, drifts: list[Drift]) -> str:
    """Return a page that shows what its programs printed."""
    lines = text.splitlines()
    for drift in sorted(drifts, key=lambda each: -each.first):
        lines[drift.first : drift.last] = drift.fresh.splitlines()
    return "\n".join(lines) + "\n"


def _piped(text: str) -> str:
    return f"python - <<'END OF BLOCK'\n{text}\nEND OF BLOCK"


def _fenced(language: str, text: str) -> str:
    return f"```{language}\n{text.strip(chr(10))}\n```"
