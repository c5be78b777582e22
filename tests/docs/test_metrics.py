"""docs/metrics.md lists every metric, with its labels."""

from __future__ import annotations

import re

import pytest
from prometheus_client import REGISTRY, Counter
from prometheus_client.metrics import MetricWrapperBase

from app import factory, telemetry
from app.telemetry.exposition import BUILD_INFO, BUILD_LABELS
from tests.processes import ROOT

#: Whatever has metrics is imported with it.
IMPORTED = factory

DOCUMENT = (ROOT / "docs" / "metrics.md").read_text()
_ROW = re.compile(r"^\| `(\w+)` \| ([\w, ]*?) ?\| [^|]+ \|$", re.MULTILINE)


def metrics() -> dict[str, str]:
    """Return the labels of every metric of ours, by the name of its samples or its family."""
    collectors = set(REGISTRY._collector_to_names)
    found = dict.fromkeys(telemetry.FIGURES, "")
    found[BUILD_INFO] = ", ".join(BUILD_LABELS)
    for each in collectors:
        if isinstance(each, MetricWrapperBase):
            name = f"{each._name}_total" if isinstance(each, Counter) else each._name
            found[name] = ", ".join(each._labelnames)
    return {name: labels for name, labels in found.items() if name.startswith(("gateway", "gen_"))}


def test_every_metric_is_listed_with_its_labels() -> None:
    assert dict(_ROW.findall(DOCUMENT)) == metrics()


@pytest.mark.parametrize("name", sorted(set(re.findall(r"gateway_\w+", DOCUMENT))))
def test_no_other_metric_is_named(name: str) -> None:
    assert name in metrics()
