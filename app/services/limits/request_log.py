"""The request log: what became of each request, never its content (M6).

All requests with a key are logged except reads that succeeded, which would soon fill the log. An
entry waits in its process for the next write of usage, so that it costs a request no round trip.
While the store is unreachable a bounded number waits; the others are counted as lost.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache

from app.domain.accounts.request_log import RequestEntry
from app.domain.response import Usage
from app.errors import NotFound
from app.logs.lines import MAX_CHOSEN, presentable
from app.store.usage.base import RequestLogStore
from app.telemetry import REQUEST_LOG_LOST, JobTrace, Trace

#: Maximum number of entries that wait in a process, about 1 kB each.
MAX_WAITING = 2_000
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_FAULT = 400


class WaitingEntries:
    """Entries on their way to the store. No method blocks, in any thread."""

    def __init__(self, most: int = MAX_WAITING) -> None:
        self._entries: deque[RequestEntry] = deque()
        self._most = most

    def __bool__(self) -> bool:
        return bool(self._entries)

    def add(self, entry: RequestEntry) -> None:
        """Add an entry, unless too many wait."""
        if len(self._entries) < self._most:
            self._entries.append(entry)
        else:
            REQUEST_LOG_LOST.inc()

    def take(self) -> list[RequestEntry]:
        """Return the waiting entries, and remove them."""
        taken: list[RequestEntry] = []
        with suppress(IndexError):  # other threads may take entries, too
            while len(taken) < self._most:
                taken.append(self._entries.popleft())
        return taken

    def lose(self) -> None:
        """Drop the waiting entries: there is nobody to write them."""
        REQUEST_LOG_LOST.inc(len(self.take()))


class RequestLog:
    """The log as operators read it."""

    def __init__(self, store: RequestLogStore) -> None:
        self._store = store

    def find(self, name: str) -> list[RequestEntry]:
        """Return the entries of a request by its own id, its trace's or its response's.

        Requests come before their jobs, which may end first; each kind is ordered by start.

        Raises:
            NotFound: there is none, or it is no longer there.
            StorageUnavailable: the store is unreachable.
        """
        found = [entry for entry in self._store.newest() if entry.is_named(name)]
        if not found:
            raise NotFound(f"The request log has no {presentable(name)!r}, or has it no more.")
        return sorted(found, key=lambda entry: (entry.event == "job", entry.begun_at))

    def newest(
        self, *, account: str | None = None, status: str | None = None, since: int = 0
    ) -> Iterator[RequestEntry]:
        """Yield entries, newest first: of an account, with a status, since a Unix time.

        Raises StorageUnavailable.
        """
        for entry in self._store.newest(since * 1000):
            is_theirs = account is None or entry.account == account
            if is_theirs and (status is None or entry.ended_as(status)):
                yield entry

    def erase(self, account: str) -> int:
        """Remove the entries of an account; return how many. Raises StorageUnavailable."""
        return self._store.erase(lambda entry: entry.account == account)

    def erase_responses(self, response_ids: set[str]) -> int:
        """Remove the entries of responses; return how many. Raises StorageUnavailable."""
        if not response_ids:
            return 0
        return self._store.erase(lambda entry: entry.response_id in response_ids)


def request_entry(trace: Trace, status: int, duration_s: float, at: float) -> RequestEntry | None:
    """Return the entry of a request that ended at `at`, in Unix seconds; None if it gets none."""
    account, key_id = trace.account, trace.key_id
    if account is None or key_id is None:
        return None  # no known caller: such requests are in the log lines alone
    if status < _FAULT and trace.method in _READS:
        return None
    upstream_s = trace.upstream_s
    return RequestEntry(
        "request",
        int(at * 1000),
        trace.request_id,
        trace.trace_id,
        trace.response_id,
        account,
        key_id,
        trace.method,
        trace.endpoint,
        status,
        trace.outcome,
        trace.error_code,
        trace.model and _model(trace.model),
        trace.provider,
        trace.attempts,
        trace.upstream_request_id,
        trace.input_tokens,
        trace.output_tokens,
        trace.cost_microusd,
        round(duration_s * 1000, 2),
        None if upstream_s is None else round(upstream_s * 1000, 2),
    )


def job_entry(
    trace: JobTrace,
    outcome: str,
    duration_s: float,
    usage: Usage,
    error: str | None,
    at: float,
    microusd: int | None,
) -> RequestEntry:
    """Return the entry of a background response that has ended at `at`, in Unix seconds."""
    upstream_s, waited_s = trace.upstream_s, trace.waited_s
    return RequestEntry(
        event="job",
        at=int(at * 1000),
        request_id=trace.request_id,
        trace_id=trace.trace_id,
        response_id=trace.response_id,
        account=trace.account,
        key_id=trace.key_id,
        outcome=outcome,
        error_code=error,
        model=_model(trace.model),
        provider=trace.provider,
        attempts=trace.attempts,
        upstream_request_id=trace.upstream_request_id,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cost_microusd=microusd,
        duration_ms=round(duration_s * 1000, 2),
        upstream_ms=None if upstream_s is None else round(upstream_s * 1000, 2),
        waited_ms=None if waited_s is None else round(waited_s * 1000, 2),
    )


def _model(name: str) -> str:
    """Return the part of a model's id that may be stored, as a caller may have made it up."""
    return _known_model(name) if len(name) <= MAX_CHOSEN else presentable(name)


#: MEASURED: checking an id takes a third of the time of an entry, and there are few models.
_known_model = lru_cache(512)(presentable)
