"""The files that Prometheus and Grafana are given: what they name is there, and is explained."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
from prometheus_client import Counter, Histogram

from app import telemetry
from app.telemetry.exposition import BUILD_INFO, BUILD_LABELS
from tests.observability.page import ours
from tests.processes import ROOT

FOLDER = ROOT / "deploy" / "observability"
RULES = (FOLDER / "prometheus-rules.yaml").read_text()
CASES = (FOLDER / "prometheus-rules-test.yaml").read_text()
PAGE = (ROOT / "docs" / "observability.md").read_text()
ALERTS = re.findall(r"- alert: (\w+)", RULES)
PROMTOOL = shutil.which("promtool")

needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed")


def series() -> set[str]:
    """Return the names that samples have."""
    names = {*telemetry.FIGURES, BUILD_INFO}
    for each in ours():
        match each:
            case Counter():
                names.add(f"{each._name}_total")
            case Histogram():
                names |= {f"{each._name}_{part}" for part in ("bucket", "sum", "count")}
            case _:
                names.add(each._name)
    return names


@pytest.mark.parametrize(
    "name", ["prometheus-rules.yaml", "prometheus-rules-test.yaml", "grafana-dashboard.json"]
)
def test_a_file_asks_for_metrics_that_there_are(name: str) -> None:
    text = (FOLDER / name).read_text()
    named = set(re.findall(r"\b(?:gateway|gen_ai_client)_\w+(?=[\[{),\s\\])", text))
    assert named - series() - {"gen_ai_client"} == set()
    assert len(named) >= 15


@pytest.mark.parametrize("name", ["prometheus-rules.yaml", "grafana-dashboard.json"])
def test_a_file_asks_for_labels_that_there_are(name: str) -> None:
    text = (FOLDER / name).read_text().replace('\\"', '"')
    named = {each for group in re.findall(r" by \(([\w, ]+)\)", text) for each in group.split(", ")}
    named |= set(re.findall(r"[{,] ?(\w+)(?:=~|!~|!=|=)\"", text))
    labels = {label for each in ours() for label in each._labelnames} | {*BUILD_LABELS}
    assert named - labels == {"job", "le"} | ({"instance"} & named)


def test_every_metric_of_a_fault_has_an_alert() -> None:
    faults = (
        "lost",
        "refusals",
        "failures",
        "unexpected",
        "breakers",
        "spooled",
        "saturation",
        "successful",
    )
    assert {name for name in series() if any(part in name for part in faults)} == {
        name for name in re.findall(r"gateway_\w+", RULES) if any(part in name for part in faults)
    }


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_says_what_it_means_and_what_to_do_and_has_a_case(alert: str) -> None:
    (rule,) = re.findall(rf"- alert: {alert}\n(.*?)(?=\n\n|\Z)", RULES, re.DOTALL)
    assert re.search(r"severity: (critical|warning)", rule)
    assert all(f"{part}: " in rule for part in ("summary", "meaning", "remedy"))
    assert f'alertname="{alert}"' in CASES
    assert f"| `{alert}` |" in PAGE


@needs_promtool
def test_prometheus_takes_the_configuration_and_the_alerts() -> None:
    assert promtool("check", "config", "prometheus.yaml") == 0


@needs_promtool
def test_the_alerts_tell_trouble_from_good_days() -> None:
    assert promtool("test", "rules", "prometheus-rules-test.yaml") == 0


def promtool(*words: str) -> int:
    """Run promtool where the files are."""
    assert PROMTOOL is not None
    argv = [PROMTOOL, *words]
    return subprocess.run(argv, cwd=FOLDER, check=False).returncode  # noqa: S603 - the system's own
