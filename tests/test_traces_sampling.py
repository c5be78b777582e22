"""Which traces are recorded, as OpenTelemetry's own samplers decide it."""

from __future__ import annotations

from secrets import token_hex
from typing import Any

import pytest
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased

from app.settings.variables.tracing import SAMPLERS
from app.telemetry.tracing import Sampler

LOW, HIGH = "f" * 16 + "0" * 15 + "1", "0" * 16 + "f" * 16


@pytest.mark.parametrize(
    ("name", "ratio", "low", "high", "of_recorded", "of_unrecorded"),
    [
        ("always_on", 0.0, True, True, True, True),
        ("always_off", 1.0, False, False, False, False),
        ("traceidratio", 0.5, True, False, False, False),
        ("parentbased_always_on", 0.0, True, True, True, False),
        ("parentbased_always_off", 1.0, False, False, True, False),
        ("parentbased_traceidratio", 0.5, True, False, True, False),
    ],
)
def test_each_sampler_does_what_its_name_says(
    name: str, ratio: float, low: bool, high: bool, of_recorded: bool, of_unrecorded: bool
) -> None:
    sampler = Sampler.named(name, ratio)
    assert (sampler.records(LOW, None), sampler.records(HIGH, None)) == (low, high)
    assert sampler.records(HIGH, True) is of_recorded
    if name.startswith("parentbased"):
        assert sampler.records(LOW, False) is of_unrecorded


def test_there_is_a_sampler_for_each_name_that_may_be_set() -> None:
    assert len({Sampler.named(name, 0.5) for name in SAMPLERS}) == len(SAMPLERS)


@pytest.mark.parametrize("ratio", [0.0, 0.1, 0.5, 1.0])
def test_it_is_what_other_services_of_a_trace_decide(ratio: float) -> None:
    theirs: Any = TraceIdRatioBased(ratio)  # half typed upstream
    ours = Sampler.named("traceidratio", ratio)
    for _ in range(200):
        trace_id = token_hex(16)
        decided = theirs.should_sample(None, int(trace_id, 16), "name").decision.is_sampled()
        assert ours.records(trace_id, None) is decided
