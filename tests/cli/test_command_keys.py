"""Keys that commands print are there before anything is started, or it is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.cli.check.config import check
from app.cli.common.checked import checked_settings, reloaded_settings, served_settings
from app.settings import SettingsError, config_file

CONFIG = """\
[providers.one]
api = "responses"
base_url = "https://one.example/v1"
api_key_command = ["cat", "one"]

[providers.many]
api = "responses"
base_url = "https://many.example/v1"
[[providers.many.keys]]
api_key_file = "first"
[[providers.many.keys]]
api_key_command = ["cat", "second"]
"""


@pytest.fixture(autouse=True)
def _with_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GATEWAY_CONFIG", raising=False)
    Path("gateway.toml").write_text(CONFIG, "utf-8")
    for name in ("one", "first", "second"):
        Path(name).write_text(f"key-{name}\n", "utf-8")


def test_what_serves_has_every_key() -> None:
    settings = served_settings()
    one, many, _ = settings.providers
    assert one.api_key == "key-one"
    assert [each.api_key for each in many.keys] == ["key-first", "key-second"]
    assert settings.commands_run_at is not None


def test_who_only_looks_runs_nothing() -> None:
    settings = checked_settings()
    assert settings.providers[0].api_key is None
    assert settings.commands_run_at is None


@pytest.mark.parametrize(("name", "line"), [("one", 4), ("second", 12)])
def test_a_command_that_fails_is_refused_with_its_line(name: str, line: int) -> None:
    Path(name).unlink()
    with pytest.raises(SettingsError) as refused:
        reloaded_settings(config_file())
    assert refused.value.line == line
    assert str(refused.value).endswith("api_key_command ended with status 1")


def test_a_file_is_judged_with_its_commands() -> None:
    assert CliRunner().invoke(check, ["gateway.toml"]).exit_code == 0
    Path("second").write_text("key second")
    result = CliRunner().invoke(check, ["gateway.toml", "--json"])
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {
        "ok": False,
        "file": "gateway.toml",
        "line": 12,
        "reason": "[[providers.many.keys]] (number 2) api_key_command printed no key",
    }
