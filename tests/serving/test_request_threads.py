"""Threads for requests: none is lost, none run twice, and none waits where no thread is left."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import wait
from types import SimpleNamespace
from typing import Any

import pytest

from app.serving.thread_worker import GatewayThreadWorker, ThreadConnection
from app.serving.threads.request_threads import RequestThreads
from tests.processes import until

PATIENCE_S = 30


@pytest.fixture
def threads() -> Iterator[RequestThreads]:
    threads = RequestThreads(2)
    yield threads
    threads.shutdown(wait=False)


@pytest.fixture
def none_left(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)


def test_each_task_has_its_result(threads: RequestThreads) -> None:
    results = [threads.submit(divmod, each, 7) for each in range(100)]
    assert [each.result(PATIENCE_S) for each in results] == [divmod(n, 7) for n in range(100)]


def test_a_task_that_fails_takes_no_thread_with_it(threads: RequestThreads) -> None:
    failed = [threads.submit(divmod, 1, 0) for _ in range(3)]
    assert {type(each.exception(PATIENCE_S)) for each in failed} == {ZeroDivisionError}
    assert threads.submit(divmod, 7, 7).result(PATIENCE_S) == (1, 0)


def test_there_are_no_more_than_there_may_be(threads: RequestThreads) -> None:
    go_on = threading.Event()
    names: set[int] = set()

    def task() -> None:
        names.add(threading.get_ident())
        go_on.wait(PATIENCE_S)

    under_way = [threads.submit(task) for _ in range(5)]
    until(lambda: len(names) == 2, "both to be at work")
    assert [each.running() for each in under_way].count(True) == 2
    go_on.set()
    assert not wait(under_way, PATIENCE_S).not_done
    assert len(names) == 2


def test_without_a_thread_a_task_is_refused_and_never_run(
    threads: RequestThreads, none_left: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    run: list[str] = []
    with pytest.raises(RuntimeError):
        threads.submit(run.append, "refused")
    monkeypatch.undo()
    threads.submit(run.append, "taken").result(PATIENCE_S)
    assert run == ["taken"]


def test_those_that_are_there_are_used_where_no_other_can_be_had(
    threads: RequestThreads, request: pytest.FixtureRequest
) -> None:
    threads.submit(divmod, 1, 1).result(PATIENCE_S)
    until(lambda: threads._free == 1, "it to be free")
    request.getfixturevalue("none_left")
    assert threads.submit(divmod, 7, 7).result(PATIENCE_S) == (1, 0)


def test_after_its_end_nothing_is_taken(threads: RequestThreads) -> None:
    threads.shutdown(wait=False)
    with pytest.raises(RuntimeError):
        threads.submit(divmod, 1, 1)


def test_a_caller_for_whom_there_is_no_thread_is_refused(none_left: None) -> None:
    ours, theirs = socket.socketpair()
    worker = GatewayThreadWorker.__new__(GatewayThreadWorker)
    worker.tpool, worker.poller = RequestThreads(2), selectors.DefaultSelector()
    worker._turned_away, worker.nr_conns, worker._log_again_at = {}, 1, 0.0
    warnings: list[str] = []
    worker.log = SimpleNamespace(warning=warnings.append)
    connection: Any = ThreadConnection.__new__(ThreadConnection)
    connection.sock = ours
    with theirs, ours, worker.poller:
        worker.enqueue_req(connection)
        assert theirs.recv(4096).startswith(b"HTTP/1.1 503 ")
        assert theirs.recv(4096) == b""
        assert list(worker._turned_away) == [connection]
    assert len(warnings) == 1


def test_who_sends_on_after_an_answer_keeps_no_thread_from_others() -> None:
    threads = RequestThreads(1)
    ours, theirs = socket.socketpair()
    connection: Any = ThreadConnection(SimpleNamespace(is_ssl=False), ours, ("", 0), ("", 0))
    connection.pool = threads
    goes_on = True

    def send() -> None:
        with contextlib.suppress(OSError):
            while goes_on:
                theirs.sendall(b".")

    sender = threading.Thread(target=send)
    with ours, theirs:
        sender.start()
        connection.close(graceful=True)
        assert threads.submit(divmod, 7, 7).result(PATIENCE_S / 3) == (1, 0)
        goes_on = False
    sender.join(PATIENCE_S)
    threads.shutdown()
