"""The transport under gevent: the same tests once more, in a process whose sockets are patched."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import ROOT, uncounted

HERE = Path(__file__).parent

PATCHED = """
from gevent import monkey
monkey.patch_all()
import sys
import pytest
sys.exit(pytest.main(sys.argv[1:]))
"""


@pytest.mark.timeout(300)
def test_the_transport_does_the_same_under_gevent() -> None:
    files = [
        str(path)
        for path in HERE.glob("test_transport*.py")
        if path.name not in (Path(__file__).name, "test_transport_errors.py")
    ]
    command = [sys.executable, "-c", PATCHED, "-q", "-p", "no:cacheprovider", *files]
    run = subprocess.run(  # noqa: S603 - our own interpreter and files
        command,
        cwd=ROOT,
        env=uncounted(),
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
