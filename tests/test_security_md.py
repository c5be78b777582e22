"""SECURITY.md names tests that exist."""

from __future__ import annotations

import ast
import re

import pytest

from tests.processes import ROOT

NAMED: dict[str, set[str]] = {}
for _file, _test in re.findall(
    r"`(tests/[\w/]+\.py)::(\w+)`", (ROOT / "SECURITY.md").read_text("utf-8")
):
    NAMED.setdefault(_file, set()).add(_test)


@pytest.mark.parametrize("file", sorted(NAMED))
def test_the_tests_that_are_named_exist(file: str) -> None:
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    there = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert NAMED[file] - there == set()


def test_every_threat_has_its_test() -> None:
    rows = [line for line in (ROOT / "SECURITY.md").read_text().splitlines() if line[:2] == "| "]
    threats = [row for row in rows if not row.startswith("| threat |")]
    assert [row for row in threats if "::test_" not in row and "`make bench`" not in row] == []
