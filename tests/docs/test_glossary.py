"""docs/glossary.md has words that the source uses."""

from __future__ import annotations

import re

import pytest

from tests.docs.documents import relative, sources
from tests.processes import ROOT

_ROWS = re.findall(r"^\| (?!word|---)([^|]+) \|", (ROOT / "docs" / "glossary.md").read_text(), re.M)
WORDS = sorted(word for row in _ROWS for word in row.split(", "))
_APP = "\n".join(
    path.read_text()
    for path in sources()
    if relative(path).startswith(("app/", "bench/")) and path.suffix in (".py", ".lua")
)


@pytest.mark.parametrize("word", WORDS)
def test_a_word_is_used(word: str) -> None:
    stem = r"[-_ ]?".join(re.escape(part) for part in re.split(r"[- ]", word.replace("'s", "")))
    assert re.search(stem, _APP, re.IGNORECASE)


def test_no_word_stands_there_twice() -> None:
    assert sorted(set(WORDS)) == WORDS
