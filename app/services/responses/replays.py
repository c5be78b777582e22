"""Replays the streams of stored responses as they were first sent (C7)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from app.domain.accounts.accounts import Caller
from app.domain.request import INCLUDE_ENCRYPTED
from app.domain.response import Response
from app.domain.stream.events import Event
from app.domain.stream.replay.cuts import StreamCuts
from app.domain.stream.replay.remake import remade
from app.errors import InvalidRequest
from app.services.accounts.permissions import well_formed
from app.services.answering.run import visible
from app.store.responses.base import ResponseStore

#: Maximum number of events sent together, and the number of bytes after which no more are added:
#: each of the last four repeats the whole text.
AT_ONCE, MOST_BYTES = 64, 256 * 1024


class StreamReplays:
    """Records where streams are cut, and rebuilds their events from stored responses.

    `encode` writes an event as a line of JSON, `decode` reads such a line. `pacing` returns a
    function that is called after each slice of a replay, to let others run: a stream may have a
    million events. MEASURED: four who read one of 300,000 kept others waiting for 3 s.
    """

    def __init__(
        self,
        store: ResponseStore,
        encode: Callable[[Event], bytes],
        decode: Callable[[bytes], Event],
        pacing: Callable[[], Callable[[], None]],
    ) -> None:
        self._store = store
        self._encode = encode
        self._decode = decode
        self._pacing = pacing

    def new_cuts(self) -> StreamCuts:
        """Return an object that records where one stream is cut."""
        return StreamCuts(self._encode)

    def lines(self, caller: Caller, response_id: str, starting_after: int) -> Iterator[list[bytes]]:
        """Return the events of a response after `starting_after`, as lines of JSON.

        Raises:
            InvalidRequest: it was not streamed, or its id is malformed.
            NotFound: it is unknown, deleted or another account's.
            StorageUnavailable: the store is unreachable.
        """
        account, key = caller.account, caller.content_key
        cuts = self._store.stream_cuts(account, well_formed(response_id), key)
        if not cuts:
            raise InvalidRequest(
                "This response was made whole, so there is no stream to replay: leave out "
                "'stream', or create with 'stream' or 'background'.",
                param="stream",
            )
        turn = self._store.get(account, response_id, key)
        events = remade(turn.response, cuts, self._decode)
        if INCLUDE_ENCRYPTED not in turn.include:
            events = map(visible, events)
        return self._batches(events, starting_after)

    def lines_of(self, response: Response, cuts: bytes) -> Iterator[list[bytes]]:
        """Return the events of a response that is not stored, as lines of JSON."""
        return self._batches(remade(response, cuts, self._decode), -1)

    def _batches(self, events: Iterator[Event], starting_after: int) -> Iterator[list[bytes]]:
        lines, size, pause = list[bytes](), 0, self._pacing()
        for event in events:
            if event.sequence_number > starting_after:
                lines.append(self._encode(event))
                size += len(lines[-1])
            if event.sequence_number % AT_ONCE == 0:
                pause()
            if len(lines) == AT_ONCE or size > MOST_BYTES:
                yield lines
                lines, size = [], 0
        if lines:
            yield lines
