"""The units of systemd: bounded, closed, with time to stop, and secrets as credentials."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from app.settings import BackgroundSettings, RequestSettings
from tests.processes import ROOT

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


@pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not here")
@pytest.mark.parametrize("unit", UNITS, ids=[unit.stem for unit in UNITS])
def test_systemd_takes_a_unit(unit: Path, tmp_path: Path) -> None:
    # Of its command it wants to know that it is there, which is in /opt.
    text = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", unit.read_text(), flags=re.MULTILINE)
    copy = tmp_path / unit.name
    copy.write_text(text)
    argv = [str(ANALYZE), "verify", "--man=no", "--recursive-errors=no", str(copy)]
    result = subprocess.run(argv, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("unit", UNITS, ids=[unit.stem for unit in UNITS])
def test_a_units_secrets_are_credentials_that_the_gateway_reads(unit: Path) -> None:
    text = unit.read_text()
    loaded = re.findall(
        r"LoadCredential=([\w-]+):/etc/responses-gateway/credentials/\1$", text, re.M
    )
    read = re.findall(r"Environment=(\w+)_FILE=%d/([\w-]+)$", text, re.M)
    assert [credential for _, credential in read] == loaded
    assert [name for name, _ in read] == ["REDIS_URL", "GATEWAY_SECRET", "OPENAI_API_KEY"]
    assert "REDIS_URL=" not in text
