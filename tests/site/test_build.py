"""What is kept of the site is what its pages make today: `make docs` builds it."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.site.build import BUILT, build

_NEEDED = ("sphinx", "myst_parser", "furo")
MISSING = [name for name in _NEEDED if find_spec(name) is None]


def files(folder: Path) -> dict[str, bytes]:
    """Return what is in a folder, by path."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


@pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")
def test_the_kept_site_is_the_one_that_is_built(tmp_path: Path) -> None:
    kept, built = files(BUILT), files(build(tmp_path))
    differing = {name for name in kept | built if kept.get(name) != built.get(name)}
    assert sorted(differing) == [], "run `make docs`"
