"""Build the site and keep it: `python -m tests.site` (`make docs`)."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from tests.site.build import BUILT, build

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        built = build(Path(folder))
        shutil.rmtree(BUILT, ignore_errors=True)
        shutil.copytree(built, BUILT)
