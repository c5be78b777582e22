"""Stores a run as bench/results/<date>.json, with the machine and versions it ran on."""

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
import psutil

from bench.peers import LiteLLM
from bench.rows import Row
from tests.processes import ROOT

RESULTS = ROOT / "bench" / "results"
_PACKAGES = ("flask", "gunicorn", "gevent", "marshmallow", "requests", "redis", "hiredis", "orjson")


def keep(
    found: Mapping[str, list[float]],
    medians: Mapping[str, float],
    rows: Sequence[Row],
    began: datetime,
    litellm: LiteLLM | None,
) -> Path:
    """Write a run to a file and return its path; file names sort by date."""
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / f"{began:%Y-%m-%dT%H%M%SZ}.json"
    versions = {name: version(name) for name in _PACKAGES}
    data = {
        "date": began.isoformat(timespec="seconds"),
        "seconds": round((datetime.now(UTC) - began).total_seconds()),
        "commit": _commit(),
        "machine": _machine(),
        "versions": versions | ({"litellm": litellm.version} if litellm else {}),
        "figures": [asdict(row) for row in rows],
        "medians": medians,
        "measured": found,
    }
    file.write_bytes(orjson.dumps(data, option=orjson.OPT_INDENT_2) + b"\n")
    return file


def _machine() -> dict[str, object]:
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
    }


def _processor() -> str:
    listed = Path("/proc/cpuinfo")
    lines = listed.read_text().splitlines() if listed.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _commit() -> str | None:
    """Return the measured commit, with "-dirty" if files were modified."""
    git = shutil.which("git")
    if git is None:
        return None
    argv = [git, "describe", "--always", "--dirty", "--exclude=*"]
    result = subprocess.run(argv, cwd=ROOT, capture_output=True, check=False)  # noqa: S603 - as found
    return result.stdout.decode().strip() or None
