"""The key that `up` makes."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from app.cli.up.first_key import first_key


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "first-key"


def anything_works(_key: str) -> bool:
    return True


def nothing_works(_key: str) -> bool:
    return False


def test_a_key_is_made_where_there_is_none(file: Path) -> None:
    assert first_key(file, anything_works, lambda: "sk-new") == "sk-new"


def test_a_key_that_still_works_is_kept(file: Path) -> None:
    first_key(file, anything_works, lambda: "sk-old")
    assert first_key(file, anything_works, lambda: "sk-new") == "sk-old"


def test_a_key_that_works_no_more_is_replaced(file: Path) -> None:
    first_key(file, anything_works, lambda: "sk-old")
    assert first_key(file, nothing_works, lambda: "sk-new") == "sk-new"
    assert first_key(file, anything_works, lambda: "sk-newer") == "sk-new"


def test_only_its_owner_can_read_it(file: Path) -> None:
    file.write_text("left open to all\n", "utf-8")
    file.chmod(0o666)
    first_key(file, nothing_works, lambda: "sk-new")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
