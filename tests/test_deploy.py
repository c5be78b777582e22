"""What a deployment starts from is what the gateway takes."""

from __future__ import annotations

import configparser
import json
import re
import shutil
import subprocess
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

from app.providers.registry import build
from app.settings import (
    BackgroundSettings,
    LimitSettings,
    RedisSettings,
    RequestSettings,
    Settings,
    WebSettings,
)
from tests.processes import ROOT

EXAMPLE = ROOT / "deploy" / "gateway.example.toml"
ENVIRON = {"GATEWAY_CONFIG": str(EXAMPLE), "OPENAI_API_KEY": "sk-a", "ANTHROPIC_API_KEY": "sk-b"}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Be where no gateway runs."""
    monkeypatch.chdir(tmp_path)


def test_the_example_is_taken() -> None:
    settings = Settings.from_env(ENVIRON)
    assert [build(each).name for each in settings.providers] == [
        "openai",
        "anthropic",
        "house",
        "local",
    ]


def test_the_example_shows_the_defaults() -> None:
    settings = Settings.from_env(ENVIRON)
    assert settings.limits == LimitSettings()
    assert settings.background == BackgroundSettings()
    assert settings.requests == RequestSettings()
    assert settings.redis == RedisSettings(embedded=True)
    assert settings.web == WebSettings()


def test_what_the_example_leaves_in_comments_is_taken_too(tmp_path: Path) -> None:
    text = EXAMPLE.read_text("utf-8").replace('\n# ca_file = "/etc', '\n# #ca_file = "/etc')
    whole = "\n".join(
        line.removeprefix("# ") if " = " in line or line.startswith("# [") else line
        for line in text.splitlines()
    )
    (tmp_path / "gateway.toml").write_text(whole, "utf-8")
    (tmp_path / "codex.md").write_text("Be careful.", "utf-8")
    document = tomllib.loads(whole)
    Settings.from_env(ENVIRON | {"GATEWAY_CONFIG": str(tmp_path / "gateway.toml")})
    assert set(document["limits"]) == {field.name for field in fields(LimitSettings)}
    assert set(document["requests"]) == {field.name for field in fields(RequestSettings)}
    assert set(document["redis"]) == {field.name for field in fields(RedisSettings)} - {"embedded"}


UNITS = sorted((ROOT / "deploy").glob("*.service"))
ANALYZE = shutil.which("systemd-analyze")


@pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not here")
@pytest.mark.parametrize("unit", UNITS, ids=[unit.stem for unit in UNITS])
def test_a_unit_exposes_little(unit: Path) -> None:
    argv = [str(ANALYZE), "security", "--offline=true", "--no-pager", str(unit)]
    result = subprocess.run(argv, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    level = re.search(r"Overall exposure level for [^:]+: ([0-9.]+)", result.stdout)
    assert level is not None, result.stdout + result.stderr
    assert float(level[1]) <= 3.0


@pytest.mark.parametrize("unit", UNITS, ids=[unit.stem for unit in UNITS])
def test_a_unit_bounds_its_memory(unit: Path) -> None:
    assert "\nMemoryMax=" in unit.read_text()


def unit(name: str) -> configparser.SectionProxy:
    """Return what a unit of systemd's says of its service; of a name twice, the last."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # systemd's names are case-sensitive
    parser.read(ROOT / "deploy" / f"responses-gateway-{name}.service")
    return parser["Service"]


@pytest.mark.parametrize(
    ("name", "longest_s"),
    [("web", RequestSettings().grace_s), ("worker", BackgroundSettings().drain_s)],
)
def test_a_unit_is_given_the_time_that_its_answers_are(name: str, longest_s: float) -> None:
    assert float(unit(name)["TimeoutStopSec"]) >= longest_s + 10


@pytest.mark.parametrize("name", ["web", "worker"])
def test_a_unit_reloads_by_the_masters_signal(name: str) -> None:
    assert unit(name)["ExecReload"] == "/bin/kill -HUP $MAINPID"


def test_the_images_probe_is_a_program() -> None:
    text = (ROOT / "deploy" / "Containerfile").read_text("utf-8").replace("\\\n", "")
    (probe,) = [line for line in text.splitlines() if line.startswith("HEALTHCHECK")]
    words = json.loads(probe.partition(" CMD ")[2])
    assert words[:2] == ["python", "-c"]
    compile(words[2], "HEALTHCHECK", "exec")
