"""One caller who follows a response: while it runs from its events, then from what is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from time import sleep

from app.domain.accounts.accounts import Caller
from app.errors import InvalidRequest, NotFound, RequestTooLarge, StorageUnavailable
from app.services.background.subscriptions import AGAIN_S, Subscriber
from app.services.responses.replays import StreamReplays


class Follower:
    """Iterate over it for the events behind a number, as lines of JSON; none are a silence.

    `subscriber` is there for a response that has events in the store.
    """

    def __init__(
        self,
        caller: Caller,
        response_id: str,
        starting_after: int,
        replays: StreamReplays,
        subscriber: Subscriber | None,
    ) -> None:
        self._caller, self._response_id = caller, response_id
        self._replays = replays
        self._subscriber = subscriber
        self._last = starting_after
        self._closed = False
        #: Within what it is read that takes memory of the caller's request.
        self.reading: Callable[[], AbstractContextManager[None]] = nullcontext
        self._lines: Iterator[Sequence[bytes]] = iter(())
        if subscriber is None:
            self._lines = replays.lines(caller, response_id, starting_after)

    @property
    def last(self) -> int:
        """The number of the last line that was yielded, or else of the one before the first."""
        return self._last if self._subscriber is None else self._subscriber.last

    def close(self) -> None:
        """End the iteration, from whatever thread."""
        self._closed = True
        if self._subscriber is not None:
            self._subscriber.close()

    def __iter__(self) -> Iterator[Sequence[bytes]]:
        subscriber = self._subscriber
        if subscriber is not None:
            yield from subscriber
            self._last = subscriber.last
            if subscriber.is_whole:
                return
            self._subscriber = None
            yield from self._reached_end()
        for lines in self._lines:
            if self._closed:
                return
            self._last += len(lines)
            yield lines

    def _reached_end(self) -> Iterator[Sequence[bytes]]:
        """Go on where the events of a stream have given way to what is stored (C7)."""
        while not self._closed:
            try:
                with self.reading():
                    self._lines = self._replays.lines(self._caller, self._response_id, self._last)
            except StorageUnavailable:
                sleep(AGAIN_S)
                yield []
                continue
            except RequestTooLarge:
                raise
            except (InvalidRequest, NotFound):
                pass  # there is no more of it, or it was deleted
            return
