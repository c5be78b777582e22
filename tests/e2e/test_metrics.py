"""What /metrics says of a gateway in use, and METRICS_BIND, an address of its own (M3, N13)."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e import gateway as gateways
from tests.e2e.background import ended, queued
from tests.e2e.gateway import DEFAULT_FIRST, Gateway, Keys
from tests.e2e.workers import brief
from tests.processes import PATIENCE_S, free_port, until
from tests.upstream.script import Script

HELLO = {"input": "Hi"}
STREAMED = Script(say="one two three four five six seven eight", interval_s=0.01).text()
PROMTOOL = shutil.which("promtool")


@dataclass(frozen=True, slots=True)
class Site:
    """A gateway, and where its platform asks."""

    gateway: Gateway
    platform: str

    def get(self, path: str, **headers: str) -> requests.Response:
        """Ask there."""
        return self.gateway.session.get(self.platform + path, headers=headers, timeout=PATIENCE_S)

    def samples(self, name: str, **labels: str) -> list[tuple[dict[str, str], float]]:
        """Return the samples of a name that have these labels."""
        return [
            (sample.labels, sample.value)
            for family in text_string_to_metric_families(self.get("/metrics").text)
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        ]

    def counted(self, name: str, **labels: str) -> float:
        """Return the sum of these."""
        return sum(value for _, value in self.samples(name, **labels))


@pytest.fixture(scope="module", params=DEFAULT_FIRST)
def site(
    request: pytest.FixtureRequest,
    environment: dict[str, str],
    keys: Keys,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    bind = f"127.0.0.1:{free_port()}"
    folder = tmp_path_factory.mktemp(request.param)
    env = environment | {"METRICS_BIND": bind}
    with gateways.running(env, keys, folder, request.param, 2) as gateway:
        yield Site(gateway, f"http://{bind}")


def test_metrics_are_where_the_platform_is_and_callers_are_not(site: Site) -> None:
    call = site.gateway.call
    assert site.get("/metrics").status_code == 200
    assert {path: site.get(path).status_code for path in ("/healthz", "/readyz", "/v1/models")} == {
        "/healthz": 200,
        "/readyz": site.gateway.call("GET", "/readyz", key=None).status_code,
        "/v1/models": 404,
    }
    assert call("GET", "/healthz", key=None).status_code == 200
    assert call("GET", "/v1/models").status_code == 200
    host = {"Host": site.platform.removeprefix("http://")}
    for headers in ({}, host):
        error = call("GET", "/metrics", key=None, headers=headers)
        assert (error.status_code, error.json()["error"]["type"]) == (404, "not_found_error")


def test_names_of_upstreams_are_for_the_platform_also_through_a_proxy(site: Site) -> None:
    through = {"X-Forwarded-For": "203.0.113.7"}
    assert "chat" in site.get("/readyz", **through).json()["checks"]["upstreams"]
    at_bind = site.gateway.call("GET", "/readyz", key=None, headers=through).json()
    assert isinstance(at_bind["checks"]["upstreams"], list)


def test_models_that_are_known_have_labels_and_what_callers_invent_has_none(site: Site) -> None:
    site.gateway.create("Hi", model="aliased")
    site.gateway.create("Hi", model="local/echo")
    for number in range(3):
        body = HELLO | {"model": f"invented-{number}"}
        assert site.gateway.call("POST", "/v1/responses", body).status_code == 404
    site.gateway.create("Hi", model=f"anthropic/{Script(say='ok').text()}")
    labels = {each["model"] for each, _ in site.samples("gateway_requests_total")}
    assert labels == {"", "aliased", "local/echo", "other"}
    assert site.counted("gateway_requests_total", model="other", status="404") == 3
    assert site.counted("gateway_request_duration_seconds_count", model="aliased") == 1
    tokens = site.counted("gateway_tokens_total", model="aliased", provider="responses")
    used = {"gen_ai_request_model": "aliased", "gen_ai_provider_name": "responses"}
    assert tokens == site.counted("gen_ai_client_token_usage_sum", **used) > 0


def test_a_stream_and_a_fallback_show_in_the_metrics(site: Site) -> None:
    stream = site.gateway.stream("Hi", model="falls-back")
    assert stream.response["status"] == "completed"
    assert site.counted("gateway_fallbacks_total", provider="troubled-first") == 1
    assert site.counted("gateway_upstream_retries_total", provider="troubled-first") >= 1
    first = site.counted("gateway_time_to_first_token_seconds_count", provider="anthropic")
    pace = site.counted("gateway_time_per_output_token_seconds_count", provider="anthropic")
    ended = site.counted(
        "gen_ai_client_operation_duration_seconds_count",
        gen_ai_provider_name="anthropic",
        error_type="",
    )
    assert first == pace == 1
    assert ended >= 1


def test_how_near_a_process_is_to_its_bounds_can_be_seen(site: Site) -> None:
    def ratios() -> dict[str, float]:
        found = site.samples("gateway_saturation_ratio")
        return {labels["resource"]: value for labels, value in found}

    until(lambda: len(ratios()) > 3, "the first look at the resources")
    assert ratios().keys() == {
        "in_flight", "body_memory", "redis_pool", "descriptors", "provider:narrow"
    }  # fmt: skip
    assert all(0 <= ratio <= 1 for ratio in ratios().values())
    ((labels, value),) = site.samples("gateway_build_info")
    assert (value, labels["python"][:2], bool(labels["version"])) == (1, "3.", True)


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed")
def test_promtool_has_nothing_to_say_of_the_metrics(site: Site, tmp_path: Path) -> None:
    site.gateway.stream("Hi", model=f"chat/{STREAMED}")
    page = tmp_path / "metrics"
    page.write_bytes(site.get("/metrics").content)
    assert PROMTOOL is not None
    with page.open("rb") as metrics:
        checked = subprocess.run(  # noqa: S603 - the system's own promtool
            [PROMTOOL, "check", "metrics"], stdin=metrics, capture_output=True, check=False
        )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


def test_a_worker_counts_what_it_does_on_a_page_of_its_own(
    gateway: Gateway, environment: dict[str, str], tmp_path: Path
) -> None:
    bind = f"127.0.0.1:{free_port()}"
    with brief(environment | {"WORKER_METRICS_BIND": bind}, tmp_path):
        worker = Site(gateway, f"http://{bind}")
        ended(gateway, queued(gateway, "Hi", model="aliased"))
        until(
            lambda: worker.counted("gateway_jobs_total", outcome="completed") == 1,
            "the job to be counted",
        )
        used = {"provider": "responses", "model": "aliased"}
        until(
            lambda: worker.counted("gateway_tokens_total", **used, kind="output") > 0,
            "its tokens to be counted",
        )
        until(
            lambda: worker.counted("gateway_time_to_first_token_seconds_count", **used) == 1,
            "its first token to be counted",
        )
        until(
            lambda: bool(worker.samples("gateway_saturation_ratio", resource="jobs")),
            "the first look at the resources",
        )
