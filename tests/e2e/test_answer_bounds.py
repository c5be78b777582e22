"""Upstreams that do not come to an end: their answers do, and nobody else waits for that."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from mmap import mmap
from pathlib import Path
from tempfile import TemporaryFile
from time import monotonic
from typing import Any

import psutil
import pytest
import requests

from app.memory import KEPT_BYTES
from tests.e2e import floods
from tests.e2e import gateway as gateways
from tests.e2e.background import cancel, queued, shown
from tests.e2e.gateway import Gateway
from tests.e2e.memory import peak_memory, serving
from tests.e2e.workers import brief
from tests.processes import PATIENCE_S, until

FORMATS = {"c": "chat_completions", "a": "anthropic_messages", "r": "responses"}
#: What a process may take more than before, in bytes: the free memory that it keeps, and a response
#: of the longest text (32 MiB, since `output_text` says it again) ten times, with holes between.
MEMORY = KEPT_BYTES + 10 * 32 * 1024 * 1024
MODELS = [f"{provider}/{kind}" for provider in FORMATS for kind in ("calls", "text")]


@pytest.fixture(scope="module")
def environment(
    redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """A gateway of its own, with a provider of each format that has no end."""
    config = tmp_path_factory.mktemp("floods") / "gateway.toml"
    with floods.running() as url:
        tables = [
            f'[providers.{name}]\napi = "{api}"\nbase_url = "{url}/v1"\n'
            for name, api in FORMATS.items()
        ]
        config.write_text("\n".join(tables))
        yield gateways.environment(redis_url, config, REDIS_PREFIX="floods:")


@pytest.fixture(scope="module")
def flooded(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """The gateway, in one process."""
    keys = gateways.Keys(gateways.make_key("acme", environment), "")
    directory = tmp_path_factory.mktemp("flooded")
    with gateways.running(environment, keys, directory, "gevent", 1) as gateway:
        yield gateway


@dataclass
class Probe:
    """Somebody else, who asks for /healthz again and again; `waits` are how long it took."""

    url: str
    waits: list[float] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def ask(self) -> None:
        with requests.Session() as session:
            while not self.over.wait(0.02):
                since = monotonic()
                assert session.get(self.url + "/healthz", timeout=PATIENCE_S).status_code == 200
                self.waits.append(monotonic() - since)


@contextmanager
def others_served(gateway: Gateway) -> Iterator[None]:
    """Have somebody else ask for /healthz all the while: nobody waits for an answer without end."""
    probe = Probe(gateway.url)
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(probe.ask)
        try:
            yield
        finally:
            probe.over.set()
            asking.result()
    assert len(probe.waits) > 1


@contextmanager
def memory_bounded(process: psutil.Process) -> Iterator[None]:
    """Hold a process to the memory that it had, and MEMORY more."""
    before = peak_memory(process)
    yield
    assert peak_memory(process) - before < MEMORY


def check_streamed(gateway: Gateway, model: str) -> None:
    """Ask for a stream that ends as a failure; only its end is looked at: it is a long one."""
    body = {"model": model, "input": "hello", "stream": True}
    headers = {"Authorization": f"Bearer {gateway.keys.own}"}
    url = gateway.url + "/v1/responses"
    with (
        requests.post(url, json=body, headers=headers, stream=True, timeout=60) as answer,
        TemporaryFile() as data,
    ):
        for piece in answer.iter_content(65536):
            data.write(piece)
        data.flush()
        with mmap(data.fileno(), 0) as text:
            failed = text.rfind(b"event: response.failed\n")
            error = text.rfind(b"event: error\n", 0, failed)
            assert error > 0
            assert b'"code":"upstream_error"' in text[error:failed]
            assert text[-16:].endswith(b"data: [DONE]\n\n")


def test_what_has_no_end_is_ended(flooded: Gateway) -> None:
    with memory_bounded(serving(flooded)), others_served(flooded):
        for model in MODELS:
            check_streamed(flooded, model)
            whole = flooded.call("POST", "/v1/responses", {"model": model, "input": "hello"})
            assert (whole.status_code, whole.json()["error"]["code"]) == (500, "upstream_error")


def test_a_line_without_end_is_an_error_before_anything_is_said(flooded: Gateway) -> None:
    for name in ("c", "r"):
        body = {"model": f"{name}/line", "input": "hello", "stream": True}
        refused = flooded.call("POST", "/v1/responses", body)
        assert (refused.status_code, refused.json()["error"]["code"]) == (500, "upstream_error")


def test_what_has_no_end_is_ended_in_the_background(
    flooded: Gateway, environment: dict[str, str], tmp_path: Path
) -> None:
    with (
        brief(environment, tmp_path) as worker,
        others_served(flooded),
        memory_bounded(worker.child),
        memory_bounded(serving(flooded)),
    ):
        for model in MODELS:
            response = polled(flooded, queued(flooded, "hello", model=model))
            assert response["status"] == "failed"
            assert "too long" in response["error"]["message"]


def test_counts_that_cannot_be_cost_no_answer_and_no_book(
    flooded: Gateway, environment: dict[str, str], tmp_path: Path
) -> None:
    booked = used(flooded)["requests"]
    with brief(environment, tmp_path):
        for name in FORMATS:
            model, before = f"{name}/absurd", len(flooded.log_lines(event="request"))
            answers = [
                flooded.create("hello", model=model),
                flooded.stream("hello", model=model).response,
                polled(flooded, queued(flooded, "hello", model=model)),
            ]
            for response in answers:
                assert (response["status"], response["output_text"]) == ("completed", "Hi")
                assert response["usage"]["total_tokens"] == 0
            assert len(flooded.log_lines(event="request")) >= before + 3
        # The worker is killed in the end: what it has not written by then is lost.
        until(
            lambda: used(flooded)["requests"] >= booked + 3 * len(FORMATS),
            "the book to have all requests",
        )
    assert min(used(flooded).values()) >= 0
    assert used(flooded)["output_tokens"] == 0


def used(gateway: Gateway) -> dict[str, int]:
    """Return what the account has used in all, as far as it is known."""
    total: dict[str, int | None] = gateway.call("GET", "/v1/usage").json()["total"]
    return {name: count for name, count in total.items() if count is not None}


def test_a_cancel_of_what_has_no_end_takes_no_memory(
    flooded: Gateway, environment: dict[str, str], tmp_path: Path
) -> None:
    web = serving(flooded)
    with brief(environment, tmp_path) as worker, others_served(flooded), memory_bounded(web):
        response_id = queued(flooded, "hello", model="c/words")
        until(lambda: len(shown(flooded, response_id)["output_text"]) > 300_000, "many words")
        assert cancel(flooded, response_id)["status"] == "cancelled"
        assert shown(flooded, response_id)["status"] == "cancelled"
        assert worker.lives


def polled(gateway: Gateway, response_id: str) -> dict[str, Any]:
    """Ask for a response again and again until it has ended, as clients do."""
    while (response := gateway.get(response_id).json())["status"] in ("queued", "in_progress"):
        continue
    shown: dict[str, Any] = response
    return shown
