"""Has a process of its own count: nothing of pytest, coverage or other tests is in it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import orjson

from tests import redis_server
from tests.processes import ROOT
from tests.upstream import client as upstreams

_PATIENCE_S = 100


def counted() -> dict[str, dict[str, float]]:
    """Return the figures of every scenario."""
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="budget-"))
        redis_url = stack.enter_context(redis_server.running())
        upstream = stack.enter_context(upstreams.running())
        given = directory, redis_url, orjson.dumps(asdict(upstream.places)).decode()
        result = subprocess.run(  # noqa: S603 - the command is the tests' own
            [sys.executable, "-m", "tests.budget.child", *given],
            env=_environment(Path(directory, "metrics")),
            cwd=ROOT,
            capture_output=True,
            check=False,
            timeout=_PATIENCE_S,
        )
    assert result.returncode == 0, result.stderr.decode()[-10_000:]
    figures: dict[str, dict[str, float]] = orjson.loads(result.stdout)
    return figures


def _environment(metrics: Path) -> dict[str, str]:
    metrics.mkdir()
    return {
        "PATH": os.defpath,
        # As under gunicorn: counters that processes share go other ways.
        "PROMETHEUS_MULTIPROC_DIR": str(metrics),
        # Sets are walked in the same order each time.
        "PYTHONHASHSEED": "0",
    }
