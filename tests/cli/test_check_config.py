"""`check-config`: a gateway.toml is judged before anything is started with it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app.cli.check_config import check

GOOD = '[providers.house]\napi = "responses"\nbase_url = "http://127.0.0.1:9/v1"\n'


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Be where no gateway runs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GATEWAY_CONFIG", raising=False)


def judged(text: str | None, *words: str) -> Result:
    if text is not None:
        Path("some.toml").write_text(text, "utf-8")
    return CliRunner().invoke(check, [*words])


def test_a_good_file_is_summed_up() -> None:
    told = judged(GOOD, "some.toml")
    assert told.exit_code == 0
    assert told.stdout == "some.toml: ok\nproviders: house, local\nmodels: none\n"


def test_a_bad_file_is_told_with_its_line_and_reason() -> None:
    told = judged(GOOD + "[requets]\n", "some.toml")
    assert told.exit_code == 1
    assert told.stdout == ""
    assert "some.toml, line 4: requets is not a setting (did you mean requests?)" in told.stderr


def test_programs_are_told_so_too() -> None:
    told = judged(GOOD + "[requets]\n", "some.toml", "--json")
    assert told.exit_code == 1
    assert json.loads(told.stdout) == {
        "ok": False,
        "file": "some.toml",
        "line": 4,
        "reason": "requets is not a setting (did you mean requests?)",
    }


def test_programs_are_told_what_a_good_file_holds() -> None:
    told = json.loads(judged(GOOD, "some.toml", "--json").stdout)
    assert told == {
        "ok": True,
        "file": "some.toml",
        "line": None,
        "reason": None,
        "providers": ["house", "local"],
        "models": [],
    }


def test_a_profile_that_is_not_there_is_found() -> None:
    told = judged(GOOD + 'profile = "nobodys"\n', "some.toml")
    assert told.exit_code == 1
    assert "nobodys" in told.stderr or "profile" in told.stderr


def test_without_a_name_the_file_of_this_environment_is_judged() -> None:
    Path("gateway.toml").write_text("nonsense", "utf-8")
    told = judged(None)
    assert told.exit_code == 1
    assert "gateway.toml, line 1:" in told.stderr


def test_a_file_that_is_missing_is_refused() -> None:
    told = judged(None, "gone.toml")
    assert told.exit_code == 1
    assert "gone.toml: cannot be read: No such file or directory" in told.stderr


def test_no_file_at_all_is_a_gateway_that_works() -> None:
    told = judged(None)
    assert told.exit_code == 0
    assert told.stdout.startswith("No gateway.toml: what the environment says: ok\n")
