"""The hooks before a commit run what `make check` runs, and nothing from elsewhere."""

from __future__ import annotations

import re

from tests.processes import ROOT

HOOKS = (ROOT / ".pre-commit-config.yaml").read_text()


def test_the_hooks_run_what_make_check_runs() -> None:
    rule = re.search(r"^check: .*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.M)
    assert rule is not None
    commands = rule[1].replace("$(PY)", ".venv/bin/python").replace("$(VENV)", ".venv")
    lines = [line.removeprefix("\t@") for line in commands.splitlines()]
    here = [line for line in lines if not line.startswith("sh .ci/audit")]
    assert re.findall(r"^ +entry: (.*)$", HOOKS, re.M) == here


def test_no_hook_is_fetched() -> None:
    assert set(re.findall(r"- repo: (.*)", HOOKS)) == {"local"}
