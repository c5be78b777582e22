"""The request log: the result of each request, without any content (M6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple


class RequestEntry(NamedTuple):
    """An entry of the request log: a finished HTTP request, or the end of a background response.

    `at` is the time, in Unix milliseconds. A request has a method, an endpoint and a `status`, a
    job none of them. `outcome` is the response's status. `cost_microusd` is None if unknown.
    `waited_ms` is how long a job waited for a worker, `upstream_ms` the time to the first output.

    Fields are stored by position: a new one must come last, with a default.
    """

    event: Literal["request", "job"]
    at: int
    request_id: str | None
    trace_id: str | None
    response_id: str | None
    account: str
    key_id: str
    method: str | None = None
    endpoint: str | None = None
    status: int | None = None
    outcome: str | None = None
    error_code: str | None = None
    model: str | None = None
    provider: str | None = None
    attempts: int | None = None
    upstream_request_id: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_microusd: int | None = None
    duration_ms: float | None = None
    upstream_ms: float | None = None
    waited_ms: float | None = None

    @property
    def begun_at(self) -> float:
        """When it began, in Unix milliseconds: for a job, when it was queued."""
        return self.at - (self.duration_ms or 0.0)

    def is_named(self, name: str) -> bool:
        """Tell whether `name` is its request, trace or response id."""
        return name in (self.request_id, self.response_id, self.trace_id)

    def ended_as(self, status: str) -> bool:
        """Tell whether it ended as a status (429), a class of them (5xx) or an outcome (failed)."""
        if status == self.outcome or self.status is None:
            return status == self.outcome
        known = str(self.status)
        return status in (known, f"{known[0]}xx")


@dataclass(frozen=True, slots=True)
class LogQuery:
    """Which entries of an account are wanted; "" matches any.

    They are those from `since` on, before `until`, in Unix seconds; with the request, response or
    trace id `name`; that ended as `status` says. The list continues after the entry `after`.
    """

    account: str
    limit: int
    since: int | None = None
    until: int | None = None
    name: str = ""
    status: str = ""
    after: str = ""

    def matches(self, entry: RequestEntry) -> bool:
        """Tell whether an entry is wanted."""
        if entry.account != self.account or (self.name and not entry.is_named(self.name)):
            return False
        if self.status and not entry.ended_as(self.status):
            return False
        is_old = self.since is not None and entry.at < self.since * 1000
        return not is_old and (self.until is None or entry.at < self.until * 1000)


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """An entry and its id in the log."""

    id: str
    entry: RequestEntry

    def without_response(self) -> LoggedRequest:
        """Return it without the id of its response."""
        return LoggedRequest(self.id, self.entry._replace(response_id=None))
