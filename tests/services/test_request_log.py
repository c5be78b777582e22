"""What became of requests is logged with what they have used, and never waited for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from threading import Thread
from typing import Any

import pytest

from app.domain.accounts.accounts import Caller
from app.domain.accounts.request_log import RequestEntry
from app.domain.response import Usage
from app.errors import NotFound, StorageRefused
from app.services.limits.request_log import (
    MAX_WAITING,
    RequestLog,
    WaitingEntries,
    job_entry,
    request_entry,
)
from app.services.limits.usage import UsageBook
from app.telemetry import REQUEST_LOG_LOST, JobTrace, Trace
from tests.processes import until
from tests.services.test_usage import Office

AT = 1_893_456_000.25
CALLER = Caller(account="acme", key_id="key_1")
ENTRY = RequestEntry("request", 1, "req_1", "trace", "resp_1", "acme", "key_1", status=200)


def trace(**known: Any) -> Trace:
    made = Trace("req_1", "POST")
    usual = {"endpoint": "/v1/responses", "account": "acme", "key_id": "key_1"}
    for name, value in {**usual, **known}.items():
        setattr(made, name, value)
    return made


def lost() -> float:
    (metric,) = REQUEST_LOG_LOST.collect()
    return next(each.value for each in metric.samples if each.name.endswith("_total"))


# Written together with use


def test_a_request_is_written_in_the_round_trip_of_what_it_used() -> None:
    office = Office(delay_s=60)
    office.book.record(CALLER, "gpt", Usage(1, 2), failed=False)
    office.book.log(ENTRY)
    office.book.flush()
    assert (office.store.writes, office.store.logged) == (1, [ENTRY])


def test_a_job_is_written_at_once_with_what_it_used() -> None:
    office = Office()
    office.book.record(CALLER, "gpt", Usage(1, 2), failed=False, entry=ENTRY)
    assert (office.store.writes, office.store.logged) == (1, [ENTRY])


def test_a_request_that_used_nothing_is_written_by_itself() -> None:
    office = Office(delay_s=0.001)
    office.book.log(ENTRY)
    until(lambda: office.store.logged == [ENTRY], "it to be logged")


def test_logging_waits_for_no_store_even_where_lines_are_written_at_once() -> None:
    office = Office()
    office.store.away = True
    office.book.log(ENTRY)
    assert office.outages == 0


def test_without_a_request_log_nothing_waits() -> None:
    office = Office(delay_s=60)
    office.book.logs_requests = False
    office.book.log(ENTRY)
    office.book.record(CALLER, "gpt", None, failed=False, entry=ENTRY)
    office.book.flush()
    assert office.store.logged == []


# Where it cannot be written


def test_what_the_store_could_not_take_is_written_later() -> None:
    office = Office()
    office.book = UsageBook(office.store, office.clock, office.hear, retry_s=0.001)
    office.store.away = True
    office.book.record(CALLER, "gpt", None, failed=True, entry=ENTRY)
    until(lambda: office.outages > 2, "it to be tried again")
    office.store.away = False
    until(lambda: office.store.logged == [ENTRY], "it to be logged")


def test_no_more_wait_than_shall_and_the_others_are_counted_as_lost() -> None:
    waiting, before = WaitingEntries(), lost()
    for _ in range(MAX_WAITING + 7):
        waiting.add(ENTRY)
    assert (len(waiting.take()), lost() - before) == (MAX_WAITING, 7)


def test_without_a_thread_to_write_it_an_entry_is_counted_as_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_thread: Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(Thread, "start", refuse)
    before = lost()
    Office(delay_s=60).book.log(ENTRY)
    assert lost() - before == 1


def test_what_the_store_refuses_is_counted_as_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    office, before = Office(), lost()

    def refuse(*_: object) -> Sequence[RequestEntry]:
        raise StorageRefused("no stream")

    monkeypatch.setattr(office.store, "record", refuse)
    office.book.record(CALLER, "gpt", None, failed=False, entry=ENTRY)
    assert lost() - before == 1


# What is logged


def test_an_entry_says_what_the_log_line_says() -> None:
    known = {
        "trace_id": "f" * 32,
        "model": "openai/gpt-5",
        "provider": "openai",
        "attempts": 2,
        "upstream_request_id": "up_1",
        "upstream_s": 0.25,
        "response_id": "resp_1",
        "outcome": "completed",
        "input_tokens": 3,
        "output_tokens": 4,
    }
    entry = request_entry(trace(**known), 200, 0.5, AT)
    assert entry is not None
    wanted = {**known, "at": 1_893_456_000_250, "status": 200, "duration_ms": 500.0}
    wanted["upstream_ms"] = known["upstream_s"] and 250.0
    del wanted["upstream_s"]
    assert {name: getattr(entry, name) for name in wanted} == wanted


def test_a_read_that_went_well_is_not_logged() -> None:
    assert request_entry(trace(method="GET"), 200, 0.1, AT) is None


@pytest.mark.parametrize(("method", "status"), [("GET", 404), ("POST", 200), ("DELETE", 200)])
def test_everything_else_that_a_key_asks_for_is_logged(method: str, status: int) -> None:
    assert request_entry(trace(method=method), status, 0.1, AT) is not None


def test_what_has_no_key_is_not_logged() -> None:
    assert request_entry(trace(key_id=None, account=None), 401, 0.1, AT) is None


@pytest.mark.parametrize("model", ["a prompt in the wrong place", "sk-abcdefghijklmnopqrstuvwx1"])
def test_no_prompt_and_no_secret_gets_in_as_a_model(model: str) -> None:
    entry = request_entry(trace(model=model), 404, 0.1, AT)
    job = job_entry(
        JobTrace("resp_1", "acme", "key_1", model), "failed", 1.0, Usage(), None, AT, 41
    )
    assert entry is not None
    assert entry.model == job.model == "[hidden]"


def test_an_entry_is_bounded_whatever_was_sent() -> None:
    entry = request_entry(trace(model="m" * 100_000), 404, 1, AT)
    assert entry is not None
    assert len(str(entry)) < 1_000


# Read


class Log:
    """A store that has these entries, oldest first."""

    def __init__(self, *entries: RequestEntry) -> None:
        self.entries = entries

    def newest(self, since_ms: int = 0) -> Iterator[RequestEntry]:
        return (entry for entry in reversed(self.entries) if entry.at >= since_ms)

    def erase(self, _is_meant: object) -> int:
        raise AssertionError("nothing is to be erased")


QUEUED = ENTRY._replace(at=3, status=202, outcome="queued", duration_ms=3.0)
JOB = ENTRY._replace(event="job", at=2, status=None, outcome="failed", duration_ms=1.5)
REFUSED = RequestEntry("request", 3_000, "req_2", None, None, "other", "key_2", status=429)


@pytest.mark.parametrize("name", ["req_1", "resp_1", "trace"])
def test_all_entries_of_a_request_are_found_as_they_began(name: str) -> None:
    assert RequestLog(Log(JOB, QUEUED, REFUSED)).find(name) == [QUEUED, JOB]


def test_a_request_that_is_not_there_is_not_found() -> None:
    with pytest.raises(NotFound, match="has no 'req_9'"):
        RequestLog(Log(QUEUED)).find("req_9")


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"account": "other"}, [REFUSED]),
        ({"status": "429"}, [REFUSED]),
        ({"status": "4xx"}, [REFUSED]),
        ({"status": "failed"}, [JOB]),
        ({"status": "queued", "account": "acme"}, [QUEUED]),
        ({"status": "202"}, [QUEUED]),
        ({"since": 3}, [REFUSED]),
        ({"status": "5xx"}, []),
        ({}, [REFUSED, JOB, QUEUED]),
    ],
)
def test_requests_are_listed_by_what_is_wanted(
    wanted: dict[str, Any], found: list[RequestEntry]
) -> None:
    assert list(RequestLog(Log(QUEUED, JOB, REFUSED)).newest(**wanted)) == found
