"""`check-config`: a gateway.toml is judged before anything is started with it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app.cli.check.config import check

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
    result = judged(GOOD, "some.toml")
    assert result.exit_code == 0
    assert result.stdout == "some.toml: ok\nproviders: house, local\nmodels: none\n"


def test_a_bad_file_is_told_with_its_line_and_reason() -> None:
    result = judged(GOOD + "[requets]\n", "some.toml")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "some.toml, line 4: requets is not a setting (did you mean requests?)" in result.stderr


def test_programs_are_told_so_too() -> None:
    result = judged(GOOD + "[requets]\n", "some.toml", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {
        "ok": False,
        "file": "some.toml",
        "line": 4,
        "reason": "requets is not a setting (did you mean requests?)",
    }


def test_programs_are_told_what_a_good_file_holds() -> None:
    result = json.loads(judged(GOOD, "some.toml", "--json").stdout)
    assert result == {
        "ok": True,
        "file": "some.toml",
        "line": None,
        "reason": None,
        "providers": ["house", "local"],
        "models": [],
    }


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('profile = "olama"', "profile 'olama' is none of anthropic, "),
        ("quirks = { refusal = true }", "quirks: 'refusal' is not known (did you mean refusals?)"),
        ("quirks = { refusals = 1 }", "quirks: refusals must be true or false"),
    ],
)
def test_what_no_profile_has_is_found_with_its_line(line: str, reason: str) -> None:
    result = judged(f"{GOOD}{line}\n", "some.toml")
    assert result.exit_code == 1
    assert f"some.toml, line 4: [providers.house] {reason}" in result.stderr


def test_without_a_name_the_file_of_this_environment_is_judged() -> None:
    Path("gateway.toml").write_text("nonsense", "utf-8")
    result = judged(None)
    assert result.exit_code == 1
    assert "gateway.toml, line 1:" in result.stderr


def test_a_file_that_is_missing_is_refused() -> None:
    result = judged(None, "gone.toml")
    assert result.exit_code == 1
    assert "gone.toml: cannot be read: No such file or directory" in result.stderr


def test_no_file_at_all_is_a_gateway_that_works() -> None:
    result = judged(None)
    assert result.exit_code == 0
    assert result.stdout.startswith("No gateway.toml: what the environment says: ok\n")


def test_what_turns_traces_off_is_said_and_is_no_fault_of_the_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "sometimes")
    result = judged(GOOD, "some.toml")
    assert result.exit_code == 0
    assert result.stderr.startswith("There will be no traces: OTEL_TRACES_SAMPLER must be ")
