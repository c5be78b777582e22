"""What an installed gateway has beside its modules, and what is installed with it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.processes import ROOT

#: Libraries whose inside is leant on: the next release of each may be another inside.
LEANT_ON = (
    "dramatiq",
    "flask",
    "gevent",
    "gunicorn",
    "opentelemetry-exporter-otlp-proto-http",
    "prometheus-client",
    "redis",
    "requests",
    "werkzeug",
)
LOCKS = ("requirements.txt", "requirements-otel.txt", "requirements-dev.txt")
_LOCKED = re.compile(r"^([a-z0-9.-]+)==([^ ;]+)", re.MULTILINE)


def config() -> ConfigParser:
    """Return setup.cfg."""
    read = ConfigParser()
    read.read(ROOT / "setup.cfg")
    return read


def required() -> Iterator[Requirement]:
    """Yield what is installed with the gateway, and what may be."""
    read = config()
    wanted = read["options"]["install_requires"] + read["options.extras_require"]["otel"]
    for line in wanted.splitlines():
        if line.strip() and not line.startswith("#"):
            yield Requirement(line)


def patterns() -> list[str]:
    """Return what of each package is installed beside its modules."""
    return [each.strip() for each in config()["options.package_data"]["*"].split(",")]


def packages() -> list[Path]:
    return [path.parent for path in (ROOT / "app").rglob("__init__.py")]


def test_every_lua_program_is_installed() -> None:
    installed = {
        path for package in packages() for pattern in patterns() for path in package.glob(pattern)
    }
    assert set((ROOT / "app").rglob("*.lua")) - installed == set()


@pytest.mark.parametrize("pattern", patterns())
def test_what_is_to_be_installed_is_there(pattern: str) -> None:
    assert any(path for package in packages() for path in package.glob(pattern))


def test_the_documentation_is_installed() -> None:
    patterns = config()["options.package_data"]["app.api"].split(",")
    api = ROOT / "app" / "api"
    installed = {path for each in patterns for path in api.glob(each.strip()) if path.is_file()}
    assert installed == {path for path in (api / "site").rglob("*") if path.is_file()}
    assert [path for path in installed if path.name.startswith(".")] == []


@pytest.mark.parametrize("name", LEANT_ON)
def test_what_is_leant_on_inside_has_an_upper_bound(name: str) -> None:
    (found,) = [each for each in required() if each.name == name]
    assert any(each.operator == "<" for each in found.specifier)


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_has_a_version_that_is_allowed(lock: str) -> None:
    locked = dict(_LOCKED.findall((ROOT / lock).read_text()))
    refused = [
        str(each)
        for each in required()
        if each.name in locked and locked[each.name] not in each.specifier
    ]
    assert refused == []


def test_every_lua_file_is_part_of_a_program() -> None:
    sources = "".join(path.read_text() for path in (ROOT / "app").rglob("*.py"))
    unused = [path for path in (ROOT / "app").rglob("*.lua") if f'("{path.stem}")' not in sources]
    assert unused == []
