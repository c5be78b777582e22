"""docs/contract.md has every decision that the source names by its code."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.docs.documents import relative, sources
from tests.processes import ROOT

CONTRACT = (ROOT / "docs" / "contract.md").read_text()

_CODE = r"[A-Z][0-9]{1,2}[a-z]?"
#: (E6), (U1, U25) or (U1 to U5), as docstrings and comments name them.
_NAMED = re.compile(rf"\(({_CODE}(?:(?:, | to |-){_CODE})*)\)")
_ROW = re.compile(rf"^\| ({_CODE}) \|", re.MULTILINE)


def named() -> Iterator[tuple[str, str]]:
    """Yield each code with a file that names it."""
    for path in sources():
        for codes in _NAMED.findall(path.read_text()):
            for code in re.findall(_CODE, codes):
                yield code, relative(path)


@pytest.mark.parametrize(("code", "file"), sorted(dict(named()).items()))
def test_a_decision_that_the_source_names_stands_in_the_contract(code: str, file: str) -> None:
    assert code in _ROW.findall(CONTRACT), f"{file} names it"


def test_no_decision_stands_there_twice() -> None:
    rows = _ROW.findall(CONTRACT)
    assert sorted(rows) == sorted(set(rows))


def test_every_decision_is_named_where_it_is_carried_out() -> None:
    assert set(_ROW.findall(CONTRACT)) - {code for code, _ in named()} == set()
