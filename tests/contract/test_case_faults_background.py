"""In the background too, a fault before any output goes to the fallback, or fails the job (U1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.factory import create_app
from tests.contract.cases import RawUpstream, raw_upstream
from tests.contract.clients import client_of
from tests.contract.test_case_faults import FAULTS, HEAD, safe_settings
from tests.contract.works import Works

Json = dict[str, Any]
Run = Callable[[Json], Json]


@pytest.fixture(scope="module")
def upstream() -> Iterator[RawUpstream]:
    with raw_upstream() as upstream:
        yield upstream


@pytest.fixture
def run(upstream: RawUpstream, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Queue a request with the web process, have the worker run it, and return what GET shows."""
    settings = safe_settings(upstream, redis_url)
    client = client_of(create_app(settings))
    with closing(Works(settings, monkeypatch)) as works:
        yield lambda body: _run(client, works, body)


def _run(client: FlaskClient, works: Works, body: Json) -> Json:
    queued = client.post("/v1/responses", json=body | {"background": True})
    assert queued.status_code == 202, queued.get_data()
    works.work()
    shown: Json = client.get(f"/v1/responses/{queued.get_json()['id']}").get_json()
    return shown


@pytest.mark.parametrize("name", FAULTS)
def test_a_jobs_fault_before_any_output_is_passed_to_the_fallback(
    name: str, run: Run, upstream: RawUpstream
) -> None:
    provider, said = FAULTS[name]
    upstream.play((HEAD + said,), None)
    shown = run({"model": f"safe-{provider}", "input": "Hello there"})
    assert (shown["status"], shown["error"]) == ("completed", None)
    assert "Hello there" in shown["output_text"]
    assert len(upstream.sent) == 1


@pytest.mark.parametrize("name", FAULTS)
def test_a_jobs_fault_before_any_output_fails_it_where_nobody_else_is_left(
    name: str, run: Run, upstream: RawUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "app.services.upstreams.retry_rounds.MIN_ROUND_S", float("inf")
    )  # no time for a round
    provider, said = FAULTS[name]
    upstream.play((HEAD + said,), None)
    shown = run({"model": f"{provider}/m", "input": "Hello there"})
    assert (shown["status"], shown["error"]["code"]) == ("failed", "server_error")
    assert shown["output"] == []
