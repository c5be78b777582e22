"""What a reload refuses although a first start would not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from app.cli.common import checked
from app.cli.common.checked import checked_settings, overruling_variables, reloaded_settings
from app.settings import Settings, SettingsError, config_file


@pytest.fixture(autouse=True)
def _with_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("GATEWAY_CONFIG", "REDIS_URL", "REDIS_PREFIX"):
        monkeypatch.delenv(name, raising=False)
    Path("gateway.toml").write_text("[requests]\ngrace_s = 5\n", "utf-8")


def test_a_changed_file_is_read_anew() -> None:
    before = config_file()
    Path("gateway.toml").write_text("[requests]\ngrace_s = 6\n", "utf-8")
    assert reloaded_settings(before).requests.grace_s == 6


def test_a_file_that_has_gone_is_not_taken_for_none() -> None:
    before = config_file()
    Path("gateway.toml").unlink()
    assert checked_settings().requests.grace_s == 30  # a first start works without
    with pytest.raises(SettingsError, match=r"gateway\.toml: cannot be read"):
        reloaded_settings(before)


def test_a_file_that_is_about_to_be_written_is_not_taken_for_an_empty_one() -> None:
    before = config_file()
    Path("gateway.toml").write_text("\n", "utf-8")
    with pytest.raises(SettingsError, match=r"gateway\.toml, line 1: is empty"):
        reloaded_settings(before)


def test_a_file_that_is_being_written_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    before = config_file()
    file = Path("gateway.toml")
    file.write_text("[requests]\n", "utf-8")  # as good as a whole one
    pauses: list[float] = []

    def go_on_writing(seconds: float) -> None:
        pauses.append(seconds)
        file.write_text("[requests]\ngrace_s = 7\n", "utf-8")
        os.utime(file, (0, 0))

    monkeypatch.setattr("time.sleep", go_on_writing)
    monkeypatch.setattr(checked, "SAME_S", 0.0)
    assert reloaded_settings(before).requests.grace_s == 7
    assert 0 < pauses[0] <= checked.SETTLED_S


def test_what_was_read_while_somebody_wrote_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    before, file, found = config_file(), Path("gateway.toml"), checked.served_settings
    os.utime(file, (1, 1))
    contents = ["[requests]\ngrace_s = 9\n", "[requets]\n", "[requests]\n"]

    def read_and_then_it_is_written() -> Settings:
        try:
            return found()
        finally:
            if contents:
                file.write_text(contents.pop(), "utf-8")
                os.utime(file, (10, 10 + len(contents)))

    monkeypatch.setattr(checked, "served_settings", read_and_then_it_is_written)
    assert reloaded_settings(before).requests.grace_s == 9


@pytest.mark.parametrize("cut_to", ["", "[requests]\n"])
def test_a_file_that_was_cut_before_its_time_says_so_is_read_again(
    monkeypatch: pytest.MonkeyPatch, cut_to: str
) -> None:
    before, file, found = config_file(), Path("gateway.toml"), checked.served_settings
    whole, cuts = file.read_text("utf-8"), [cut_to]
    os.utime(file, (1, 1))

    def write(text: str, second: int) -> None:
        file.write_text(text, "utf-8")
        os.utime(file, (second, second))

    def read_while_it_is_cut() -> Settings:
        if cuts:
            write(cuts.pop(), 1)
        return found()

    monkeypatch.setattr(checked, "served_settings", read_while_it_is_cut)
    monkeypatch.setattr("time.sleep", lambda _seconds: write(whole, 2))
    assert reloaded_settings(before).requests.grace_s == 5


def test_a_file_that_is_written_for_ever_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    before = config_file()
    monkeypatch.setattr(checked, "SETTLED_S", 3600.0)
    monkeypatch.setattr(checked, "WRITTEN_S", 0.0)
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    with pytest.raises(SettingsError, match=r"gateway\.toml: is being written"):
        reloaded_settings(before)


def test_a_gateway_without_a_file_reloads_without_one() -> None:
    Path("gateway.toml").unlink()
    assert reloaded_settings(config_file()).requests.grace_s == 30


def test_variables_that_overrule_the_file_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://elsewhere:1/0")
    monkeypatch.setenv("REDIS_PREFIX", "rg:")
    assert overruling_variables(checked_settings()) == []
    Path("gateway.toml").write_text('[redis]\nurl = "redis://here:1/0"\nprefix = "p:"\n', "utf-8")
    assert overruling_variables(checked_settings()) == ["REDIS_URL", "REDIS_PREFIX"]


def test_a_file_that_broke_since_it_was_read_overrules_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://elsewhere:1/0")
    settings = checked_settings()
    Path("gateway.toml").write_text('[redis]\nurl = "redis://he', "utf-8")
    assert overruling_variables(settings) == []
