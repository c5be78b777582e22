"""What an installed gateway has beside its modules."""

from __future__ import annotations

from configparser import ConfigParser
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_every_lua_program_is_installed() -> None:
    config = ConfigParser()
    config.read(ROOT / "setup.cfg")
    patterns = [each.strip() for each in config["options.package_data"]["*"].split(",")]
    packages = [path.parent for path in (ROOT / "app").rglob("__init__.py")]
    installed = {
        path for package in packages for pattern in patterns for path in package.glob(pattern)
    }
    assert set((ROOT / "app").rglob("*.lua")) - installed == set()
