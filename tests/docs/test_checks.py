"""The hooks before a commit run what `make check` runs, and nothing from elsewhere."""

from __future__ import annotations

import re

from tests.processes import ROOT

HOOKS = (ROOT / ".pre-commit-config.yaml").read_text()


def test_the_hooks_run_what_make_check_runs() -> None:
    makefile = (ROOT / "Makefile").read_text()
    parts = re.search(r"^check: (.*) ##", makefile, re.M)
    assert parts is not None
    rules = [re.search(rf"^{part}: .*\n((?:\t.*\n)+)", makefile, re.M) for part in parts[1].split()]
    commands = "".join(rule[1] for rule in rules if rule is not None)
    commands = commands.replace("$(PY)", ".venv/bin/python").replace("$(VENV)", ".venv")
    lines = [line.removeprefix("\t@") for line in commands.splitlines()]
    here = [line for line in lines if not line.startswith("sh .ci/audit")]
    assert re.findall(r"^ +entry: (.*)$", HOOKS, re.M) == here


def test_no_hook_is_fetched() -> None:
    assert set(re.findall(r"- repo: (.*)", HOOKS)) == {"local"}
