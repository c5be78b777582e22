"""What modules of the gateway do as they are imported.

Nowhere else does coverage count that: tests are collected without it (tests/conftest.py).
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.processes import ROOT, printed

_IMPORT_ALL = """
import app, importlib, pkgutil
for each in pkgutil.walk_packages(app.__path__, "app."):
    importlib.import_module(each.name)
"""
_IMPORT_ONE = """
import importlib, sys
importlib.import_module({module!r})
print(*sys.modules)
"""


def test_every_module_can_be_imported() -> None:
    argv = [sys.executable, "-W", "error", "-c", _IMPORT_ALL]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("app.serving.gunicorn_conf", {"flask", "redis", "requests", "rich", "gevent"}),
        ("app.cli.worker.master_process", {"flask", "redis", "requests", "rich", "gevent"}),
        ("app.cli.root", {"redis", "requests", "rich", "prometheus_client"}),
        ("app.cli.up.command", {"app.factory", "requests", "rich"}),
        ("app.factory", {"rich"}),
    ],
)
def test_what_a_process_does_not_need_it_does_not_wait_for(module: str, heavy: set[str]) -> None:
    assert heavy.isdisjoint(printed(_IMPORT_ONE.format(module=module)))
