"""`make sbom`: everything that is locked, in a document that scanners read, the same each time."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from app import __version__
from tests.processes import ROOT

MAKE = shutil.which("make")

pytestmark = pytest.mark.skipif(MAKE is None, reason="make is not here")


def made(path: Path) -> str:
    """Run make, which takes what is installed for complete, and return the document."""
    venv = Path(sys.prefix)
    argv = [str(MAKE), "-s", "-o", f"{venv}/.installed-dev", f"VENV={venv}", "sbom", f"SBOM={path}"]
    subprocess.run(argv, cwd=ROOT, check=True, capture_output=True)  # noqa: S603 - ours
    return path.read_text()


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    return made(tmp_path_factory.mktemp("sbom") / "sbom.json")


@pytest.fixture(scope="module")
def document(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text)
    return found


def test_it_is_what_cyclonedx_says_that_it_is(text: str, document: dict[str, Any]) -> None:
    version = next(each for each in SchemaVersion if each.to_version() == document["specVersion"])
    assert JsonStrictValidator(version).validate_str(text) is None


def test_it_names_every_package_that_is_locked_with_its_hashes(document: dict[str, Any]) -> None:
    lock = (ROOT / "requirements.txt").read_text()
    locked = {f"pkg:pypi/{n}@{v}" for n, v in re.findall(r"^([\w.-]+)==([^\s\\]+)", lock, re.M)}
    named = {each["purl"].partition("?")[0] for each in document["components"]}
    assert named == locked
    for component in document["components"]:
        assert any(each.get("hashes") for each in component["externalReferences"])


def test_it_is_of_this_release(document: dict[str, Any]) -> None:
    component = document["metadata"]["component"]
    assert (component["name"], component["version"]) == ("responses-gateway", __version__)
    assert component["type"] == "application"


def test_it_is_the_same_each_time(text: str, tmp_path: Path) -> None:
    assert made(tmp_path / "other.json") == text
