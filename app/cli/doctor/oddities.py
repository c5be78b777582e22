"""What a running gateway could not read in providers' answers, as it has counted it (U20, A10)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

from app.cli.common.probe import ask

_METRIC = "gateway_upstream_oddities"

#: Count of each kind of oddity, by provider.
Oddities = Mapping[str, Mapping[str, int]]


def oddities(bind: str) -> Oddities:
    """Return what the gateway at `bind` has counted since it started.

    Empty if none answers, or if something other than a gateway does.
    """
    answer = ask(bind, "/metrics")
    if answer is None or answer[0] != 200:
        return {}
    try:
        return counted(answer[1].decode("utf-8", "replace"))
    except ValueError:
        return {}


def counted(exposition: str) -> Oddities:
    """Return the counts in a page of metrics."""
    counts: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for family in text_string_to_metric_families(exposition):
        for sample in family.samples if family.name == _METRIC else ():
            if sample.name == f"{_METRIC}_total" and sample.value:
                counts[sample.labels["provider"]][sample.labels["kind"]] = int(sample.value)
    return counts
