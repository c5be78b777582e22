"""Usage, and corrections of limits, that processes could not write before they ended.

    SPOOL_DIR/store_<id>/usage_<token>.usage    of one process, for the store of that id

Every process of that store on this machine records them once the store takes writes. If two do, or
if the store had some already, nothing counts twice: each line and correction has an id that the
store remembers (REPEATED_S).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path
from secrets import token_hex
from typing import Any, TypeVar

import orjson

from app.domain.accounts.attribution import Attribution
from app.domain.accounts.usage import UsageLine
from app.errors import GatewayError, StorageUnavailable
from app.store.rate_limits.base import Adjustment, BudgetLimit, Lease, RateLimit
from app.store.spool.delivery import Identity
from app.store.spool.whole_file import checked, write_whole
from app.store.usage.base import Unwritten, UsageStore
from app.telemetry import log, unexpected

#: Pause between two looks, in seconds, and number of lines recorded in one round trip.
LOOK_S, AT_ONCE = 1.0, 200

Each = TypeVar("Each")


class SpooledUsage:
    """A UsageSpool in files. One instance per process; `directory` is SPOOL_DIR."""

    def __init__(self, store: UsageStore, identity: Identity, directory: Path) -> None:
        self._store = store
        self._identity = identity
        self._directory = directory
        self._folder: Path | None = None  # unknown until the store has been reached
        self._unreadable: set[Path] = set()

    def put(self, lines: Sequence[UsageLine], adjustments: Sequence[Adjustment]) -> Path:
        if self._folder is None:
            raise StorageUnavailable("Redis has been unreachable since the process began.")
        file = self._folder / f"usage_{token_hex(8)}.usage"
        write_whole(file, orjson.dumps({"lines": lines, "adjustments": adjustments}))
        return file

    def drop(self, file: Path) -> None:
        with suppress(OSError):
            file.unlink()

    def keep_delivering(self, pause: Callable[[float], None]) -> None:
        while True:
            try:
                self.deliver()
            except Exception as bug:  # noqa: BLE001 - what waits must be delivered all the same
                unexpected(bug, "", "spool")
            pause(LOOK_S)

    def deliver(self) -> None:
        """Record what waits here for this store, if the store takes writes."""
        try:
            if self._folder is not None and not self._files():
                return
            self._folder = self._directory / self._identity.read()
            if files := self._files():
                self._identity.probe()
            for file in files:
                self._deliver(file)
        except (GatewayError, OSError) as fault:  # no file descriptor is left, for one
            log.debug("usage_not_delivered", error=type(fault).__name__)

    def _files(self) -> list[Path]:
        found = [] if self._folder is None else self._folder.glob("usage_*.usage")
        return sorted(each for each in found if each not in self._unreadable)

    def _deliver(self, file: Path) -> None:
        try:
            lines, adjustments = _read(file)
        except FileNotFoundError:
            return  # another process has delivered it
        except (ValueError, TypeError, KeyError, PermissionError) as error:
            self._unreadable.add(file)
            log.error("spooled_usage_left_alone", file=file.name, reason=type(error).__name__)
            return
        left: list[Unwritten] = []
        for some in _parts(lines):
            left += self._store.record(some)
        for few in _parts(adjustments):
            left += self._store.record((), few)
        if left:  # a part of a Cluster is unreachable; what it had no part in is not to be repeated
            if len(left) == len(lines) + len(adjustments):
                return
            self.put(
                [each for each in left if isinstance(each, UsageLine)],
                [each for each in left if isinstance(each, Adjustment)],
            )
        self.drop(file)
        log.info("usage_delivered", requests=sum(line.requests for line in lines))


def _parts(whole: Sequence[Each]) -> Iterator[Sequence[Each]]:
    return (whole[first : first + AT_ONCE] for first in range(0, len(whole), AT_ONCE))


def _read(file: Path) -> tuple[list[UsageLine], list[Adjustment]]:
    """Read a file; raise what says that it is damaged, or that a later release has written it."""
    content = orjson.loads(checked(file.read_bytes()))
    return list(map(_line, content["lines"])), list(map(_adjustment, content["adjustments"]))


def _line(found: dict[str, Any]) -> UsageLine:
    user, metadata = found["attribution"]["user"], found["attribution"]["metadata"]
    attribution = Attribution(user, tuple((key, value) for key, value in metadata))
    day = date.fromisoformat(found["day"])
    return UsageLine(**{**found, "day": day, "attribution": attribution})


def _adjustment(found: dict[str, Any]) -> Adjustment:
    changes = tuple((RateLimit(**limit), *amounts) for limit, *amounts in found["changes"])
    budgets = tuple((BudgetLimit(**limit), *amounts) for limit, *amounts in found["budgets"])
    lease = Lease(**{**found["lease"], "slots": tuple(found["lease"]["slots"])})
    return Adjustment(**{**found, "changes": changes, "budgets": budgets, "lease": lease})
