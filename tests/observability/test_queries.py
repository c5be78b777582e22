"""The queries of the dashboard and of the alerts, asked of a real Prometheus."""

from __future__ import annotations

import json
import math
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.observability.test_files import ALERTS, FOLDER
from tests.processes import PATIENCE_S, free_port, started, until

PROMETHEUS = shutil.which("prometheus")
pytestmark = pytest.mark.skipif(PROMETHEUS is None, reason="prometheus is not installed")

DASHBOARD: dict[str, Any] = json.loads((FOLDER / "grafana-dashboard.json").read_text())
#: What Grafana puts in place of its variables.
VARIABLES = {"$__rate_interval": "1m", "$job": ".*", "$provider": ".*", "$model": ".*"}


class Prometheus:
    """A Prometheus that has seen the page a few times."""

    def __init__(self, url: str) -> None:
        self._url = url

    def get(self, path: str, **query: str) -> Any:
        """Return the data of an answer."""
        answer = requests.get(f"{self._url}/api/v1/{path}", params=query, timeout=PATIENCE_S).json()
        assert answer["status"] == "success", (query, answer)
        return answer["data"]

    def values(self, query: str) -> list[float]:
        """Return what a query comes to."""
        result = self.get("query", query=query)["result"]
        return [float(each["value"][1]) for each in result]

    def is_ready(self) -> bool:
        """Tell whether rates can be told, and rules have been looked at."""
        try:
            if not requests.get(f"{self._url}/-/ready", timeout=PATIENCE_S).ok:
                return False
        except requests.ConnectionError:
            return False
        scraped = self.values("min(count_over_time(gateway_build_info[1m]))")
        looked = all(not each["lastEvaluation"].startswith("0001") for each in self.rules())
        return bool(scraped) and scraped[0] >= 3 and looked

    def rules(self) -> list[dict[str, Any]]:
        """Return the rules."""
        return [rule for group in self.get("rules")["groups"] for rule in group["rules"]]


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus with our configuration, but that it looks each second, at a page of ours."""
    folder = tmp_path_factory.mktemp("prometheus")
    page, port = free_port(), free_port()
    text = (FOLDER / "prometheus.yaml").read_text()
    text = re.sub(
        r"127\.0\.0\.1:\d+", f"127.0.0.1:{page}", re.sub(r"\b\d+s$", "1s", text, flags=re.M)
    )
    config = folder / "prometheus.yaml"
    config.write_text(text.replace("prometheus-rules.yaml", str(FOLDER / "prometheus-rules.yaml")))
    assert PROMETHEUS is not None
    argv: list[str | Path] = [
        PROMETHEUS,
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=error",
    ]
    with (
        started([sys.executable, "-m", "tests.observability.page", str(page)]),
        started(argv),
    ):
        running = Prometheus(f"http://127.0.0.1:{port}")
        until(running.is_ready, "a Prometheus that has looked three times")
        yield running


def _filled(query: str) -> str:
    for name, value in VARIABLES.items():
        query = query.replace(name, value)
    return query


TARGETS = [
    (panel["title"], _filled(target["expr"]))
    for panel in DASHBOARD["panels"]
    for target in panel.get("targets", ())
]


@pytest.mark.parametrize(("panel", "query"), TARGETS, ids=[f"{t}-{q[:30]}" for t, q in TARGETS])
def test_a_panel_shows_something(prometheus: Prometheus, panel: str, query: str) -> None:
    values = prometheus.values(query)
    assert values, panel
    assert not any(map(math.isnan, values)), panel


def test_every_variable_has_values(prometheus: Prometheus) -> None:
    queries = [each["query"]["query"] for each in DASHBOARD["templating"]["list"][1:]]
    found = [re.fullmatch(r"label_values\((.*), (\w+)\)", query) for query in queries]
    counts = [
        prometheus.values(f"count by ({match[2]}) ({_filled(match[1])})")
        for match in found
        if match
    ]
    assert len(counts) == 3
    assert all(counts)


def test_every_alert_can_be_evaluated(prometheus: Prometheus) -> None:
    rules = prometheus.rules()
    assert [rule["name"] for rule in rules] == ALERTS
    assert {rule["health"] for rule in rules} == {"ok"}
