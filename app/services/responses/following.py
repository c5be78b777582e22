"""Follows a response for one caller: its events while it runs, then what is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from time import sleep

from app.domain.accounts.accounts import Caller
from app.errors import InvalidRequest, RequestTooLarge, StorageUnavailable
from app.services.background.subscriptions import AGAIN_S, Subscriber
from app.services.responses.replays import StreamReplays


class Follower:
    """Iterates over the events after `starting_after`, as lines of JSON; no lines mean silence.

    `subscriber` is given if the response's events are in the store.
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
        #: Makes the context for reads whose memory counts as the caller's request's.
        self.reading: Callable[[], AbstractContextManager[None]] = nullcontext
        self._lines: Iterator[Sequence[bytes]] = iter(())
        if subscriber is None:
            self._lines = replays.lines(caller, response_id, starting_after)

    @property
    def last(self) -> int:
        """The number of the last line yielded, or of the one before the first."""
        return self._last if self._subscriber is None else self._subscriber.last

    def close(self) -> None:
        """End the iteration; may be called from any thread."""
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
        """Continue from the stored response once the stream of events is gone (C7).

        Raises NotFound if the response was deleted or lost meanwhile: its end cannot be sent.
        """
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
            except InvalidRequest:
                pass  # nothing follows
            return
