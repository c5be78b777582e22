"""The files of deploy/ as values."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.processes import ROOT

DEPLOY = ROOT / "deploy"

#: A value of YAML's, as tests look into it.
Yaml = dict[str, Any]


def load(name: str) -> Yaml:
    """Return the one document of a file."""
    document: Yaml = yaml.safe_load((DEPLOY / name).read_text())
    return document


@cache
def load_all(path: Path) -> list[Yaml]:
    """Return all documents of a file that are not empty."""
    return [each for each in yaml.safe_load_all(path.read_text()) if each]


@cache
def variables() -> set[str]:
    """Return the variables that docs/configuration.md and docs/observability.md name."""
    pages = ("configuration.md", "observability.md")
    text = "".join((ROOT / "docs" / page).read_text() for page in pages)
    return set(re.findall(r"`([A-Z][A-Z0-9_]+)`", text))
