"""Sphinx over copies of the pages: the same bytes each time, without dates and places."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.processes import ROOT
from tests.site.inline import without_inline
from tests.site.staging import stage

SETTINGS = ROOT / "docs" / "site"
#: Where the gateway serves the site from.
BUILT = ROOT / "app" / "api" / "site" / "pages"
#: What Sphinx leaves for itself, or for debuggers.
_NOT_SERVED = ("*.map", "*.inv", ".buildinfo*", "*.LICENSE.txt")


def build(folder: Path) -> Path:
    """Build the site in an empty folder, and return where it is.

    Raises:
        CalledProcessError: Sphinx warned of something; what, it has printed.
    """
    copies, built = folder / "pages", folder / "site"
    stage(copies)
    command = [sys.executable, "-m", "sphinx", "-q", "-E", "-W", "--keep-going", "-b", "html"]
    command += ["-D", f"html_extra_path={copies / '_extra'}"]
    command += ["-c", str(SETTINGS), "-d", str(folder / "doctrees"), str(copies), str(built)]
    same = {
        "PATH": os.defpath,
        "PYTHONHASHSEED": "0",
        "SOURCE_DATE_EPOCH": "0",
        "TZ": "UTC",
        "LC_ALL": "C.UTF-8",
    }
    subprocess.run(command, cwd=ROOT, env=same, check=True)  # noqa: S603 - ours
    for pattern in _NOT_SERVED:
        for path in built.rglob(pattern):
            path.unlink()
    (built / "_sources").rmdir()
    without_inline(built)
    return built
