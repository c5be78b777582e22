"""SECURITY.md names tests that exist."""

from __future__ import annotations

import ast
import re

import pytest

from tests.processes import ROOT

NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", (ROOT / "SECURITY.md").read_text())))


@pytest.mark.parametrize(("file", "test"), NAMED, ids=[test for _, test in NAMED])
def test_a_named_test_exists(file: str, test: str) -> None:
    tree = ast.parse((ROOT / file).read_text())
    assert test in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_threat_has_its_test() -> None:
    rows = [line for line in (ROOT / "SECURITY.md").read_text().splitlines() if line[:2] == "| "]
    threats = [row for row in rows if not row.startswith("| threat |")]
    assert [row for row in threats if "::test_" not in row and "`make bench`" not in row] == []
