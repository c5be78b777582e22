"""What modules of the gateway do as they are imported.

Nowhere else does coverage count that: tests are collected without it (tests/conftest.py).
"""

from __future__ import annotations

import subprocess
import sys

from tests.processes import ROOT

_IMPORT_ALL = """
import app, importlib, pkgutil
for each in pkgutil.walk_packages(app.__path__, "app."):
    importlib.import_module(each.name)
"""


def test_every_module_can_be_imported() -> None:
    argv = [sys.executable, "-W", "error", "-c", _IMPORT_ALL]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    assert (done.returncode, done.stderr) == (0, "")
