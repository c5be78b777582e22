"""A run as it is kept: bench/results/<date>.json, with what it ran on."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import orjson

from bench.rows import Row
from tests.processes import ROOT

RESULTS = ROOT / "bench" / "results"
_PACKAGES = ("flask", "gunicorn", "gevent", "marshmallow", "requests", "redis", "hiredis", "orjson")


def keep(
    rounds: Mapping[str, list[float]],
    measured: Mapping[str, float],
    rows: Sequence[Row],
    began: datetime,
    kind: str,
) -> Path:
    """Write a run down and return where."""
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / f"{began:%Y-%m-%dT%H%M%S}-{kind}.json"
    told = {
        "date": began.isoformat(timespec="seconds"),
        "kind": kind,
        "seconds": round((datetime.now(UTC) - began).total_seconds()),
        "commit": _commit(),
        "machine": _machine(),
        "versions": {name: version(name) for name in _PACKAGES},
        "figures": [asdict(row) for row in rows],
        "medians": measured,
        "rounds": rounds,
    }
    file.write_bytes(orjson.dumps(told, option=orjson.OPT_INDENT_2) + b"\n")
    return file


def _machine() -> dict[str, object]:
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "load_before": os.getloadavg()[0],
    }


def _commit() -> str | None:
    git = shutil.which("git")
    if git is None:
        return None
    told = subprocess.run(  # noqa: S603 - git, as found
        [git, "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, check=False
    )
    return told.stdout.decode().strip() or None
