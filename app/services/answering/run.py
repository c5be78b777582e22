"""One answer in progress, from batches to events; it is stored before its end is emitted (A5)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from app.domain.items import Item, Reasoning
from app.domain.response import Response, ResponseError, Usage
from app.domain.stream.deltas import Batch, Opaque, close_batches
from app.domain.stream.events import ErrorRaised, Event, ItemDone, Lifecycle, TextDone
from app.domain.stream.narrate import Narrator
from app.domain.stream.replay.cuts import StreamCuts
from app.errors import CallerGone, GatewayError, ResponseCancelled
from app.telemetry import own_mistake

#: Number of characters from which a text counts as long.
LONG_TEXT = 1024 * 1024


class Run:
    """Emits a response as batches of events, exactly once; an empty batch means silence.

    `store` stores the response and the events that end it, before these are emitted; `on_end` is
    called on every way out, with the response and the error that failed it, if any. After an abort,
    `abort_error` returns the error that caused it, or None if the caller hung up. `seal` seals an
    opaque payload so that it may leave the gateway; `shows_opaque` says whether this caller gets
    it. `cuts`, if given, records where the stream is cut, before the response is stored.
    `has_begun` says that the narrator has already written its first events. `served_tier` returns,
    at the end, the service tier, in case the upstream reports none.
    """

    def __init__(
        self,
        narrator: Narrator,
        batches: Iterator[Batch],
        *,
        store: Callable[[Response, list[Event]], None],
        on_end: Callable[[Response, GatewayError | None], None],
        abort_error: Callable[[], GatewayError | None],
        seal: Callable[[str], str],
        shows_opaque: bool,
        cuts: StreamCuts | None = None,
        has_begun: bool = False,
        served_tier: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._cuts = cuts
        self._has_begun = has_begun
        self._narrator = narrator
        self._batches = batches
        self._store = store
        self._on_end = on_end
        self._abort_error = abort_error
        self._seal = seal
        self._shows_opaque = shows_opaque
        self._served_tier = served_tier
        self._hides_opaque = False  # whether there is a payload that this caller does not get
        self._failure: GatewayError | None = None

    @property
    def usage(self) -> Usage | None:
        """The usage that the upstream has reported so far."""
        return self._narrator.usage

    def response(self) -> Response:
        """Run the answer without emitting events; return the response once it is stored.

        Raises:
            GatewayError: the upstream failed, the caller hung up, or the store is unreachable.
        """
        self._narrator.discard_events()
        deque(self.events(), maxlen=0)
        if self._failure is not None:
            self._failure.work_done = True
            raise self._failure
        response = self._narrator.response
        return without_opaque(response) if self._hides_opaque else response

    def events(self) -> Iterator[list[Event]]:
        """Yield the response in batches of events; whatever happens, it ends and is stored.

        A caller that hangs up shows as a GeneratorExit here, or as a CallerGone from the upstream:
        the closing events then go into the stored response without being emitted (A4).
        """
        narrator = self._narrator
        try:
            # 1. The events of the upstream's batches, as they come.
            yield from self._batch_events()
            ending = narrator.finish(self._served_tier())
        # 2. The consumer is gone: store the ending, then re-raise, as a generator must.
        except GeneratorExit:
            error = self._abort_error()
            if error is None:
                self._cancel(CallerGone("the caller hung up"))
            else:
                self._stored(self._ending(error))
            raise
        # 3. Every other failure becomes an ending, which is emitted like any other.
        except CallerGone as gone:
            error = self._abort_error()
            if error is None:
                self._cancel(gone)
                return
            ending = self._ending(error)
        except GatewayError as error:
            ending = narrator.fail(error)
        except Exception as bug:  # noqa: BLE001 - a begun answer must end, without details of it
            ending = narrator.fail(own_mistake(bug, narrator.response.id, "answer"))
        finally:
            close_batches(self._batches)
        # 4. Store, then emit: a caller that has received the end can read or continue it at once.
        yield from _spread(self._stored(ending))

    def _batch_events(self) -> Iterator[list[Event]]:
        """Yield the opening events, then those of the upstream's batches as they arrive.

        The first batch has already been read (UpstreamAnswer): both are emitted together.
        """
        narrator = self._narrator
        begun = [] if self._has_begun else self._noted(narrator.begin())
        try:
            for batch in self._batches:
                if Opaque in map(type, batch):
                    batch = self._sealed(batch)
                events = self._noted(narrator.hear(batch))
                if begun and batch:
                    events, begun = begun + events, []
                elif begun:
                    yield begun  # silence is emitted by itself
                    begun = []
                if events or not batch:
                    yield list(map(visible, events)) if self._hides_opaque else events
        except Exception:
            if begun:
                yield begun
            raise

    def _ending(self, error: GatewayError) -> list[Event]:
        """Return the last events of an answer that was aborted with this error."""
        if isinstance(error, ResponseCancelled):
            self._failure = error
            return self._narrator.cancel()
        return self._narrator.fail(error)

    def _cancel(self, gone: CallerGone) -> None:
        ending = self._narrator.cancel()
        self._failure = gone
        self._stored(ending)

    def _stored(self, ending: list[Event]) -> list[Event]:
        """Store the ending and return the events to emit: an error if it could not be stored."""
        response = self._narrator.response
        self._noted(ending)
        if self._hides_opaque:
            ending = list(map(visible, ending))
        self._failure = self._failure or self._narrator.failure
        try:
            self._store(response, ending)
        except GatewayError as error:
            self._failure = error
            ending = _failed(ending, error)
        finally:
            self._on_end(response, self._failure)
            # These callbacks refer back to this object, which would wait for a garbage collection.
            del self._store, self._on_end, self._abort_error
        return ending

    def events_at_once(self, batch: Batch) -> list[Event]:
        """Return all events of a batch that was just read, without waiting.

        An empty list means that the batch has to come through `events`.
        """
        events = self._narrator.hear_at_once(batch)
        if self._cuts is not None:
            self._cuts.add(events)
        return events

    def _noted(self, events: list[Event]) -> list[Event]:
        if self._cuts is not None:
            self._cuts.add(events)
        return events

    def _sealed(self, batch: Batch) -> Batch:
        self._hides_opaque = not self._shows_opaque
        return [
            Opaque(self._seal(delta.payload)) if isinstance(delta, Opaque) else delta
            for delta in batch
        ]


def visible(event: Event) -> Event:
    """Return an event without the opaque reasoning that is kept for the next turn."""
    if isinstance(event, ItemDone) and isinstance(event.item, Reasoning):
        return replace(event, item=replace(event.item, encrypted_content=None))
    if isinstance(event, Lifecycle):
        return replace(event, response=without_opaque(event.response))
    return event


def without_opaque(response: Response) -> Response:
    """Return the response without the opaque reasoning that is stored for the next turn."""
    return with_changed_items(response, without_payload)


def with_changed_items(response: Response, change: Callable[[Item], Item]) -> Response:
    """Return the response with each item of its output changed."""
    output = tuple(map(change, response.output))
    # Nearly always nothing changes: comparing is cheap where the items are the same ones.
    return response if output == response.output else replace(response, output=output)


def without_payload(item: Item) -> Item:
    """Return the item without its opaque reasoning."""
    if isinstance(item, Reasoning) and item.encrypted_content is not None:
        return replace(item, encrypted_content=None)
    return item


def _spread(ending: list[Event]) -> Iterable[list[Event]]:
    """Return an ending in one batch, or event by event if each repeats a long text.

    In one batch, the text would be in memory four times, and as often again once serialized.
    """
    if not ending:
        return ()  # a whole answer has no events
    is_long = sum(len(each.text) for each in ending if isinstance(each, TextDone)) >= LONG_TEXT
    return [[event] for event in ending] if is_long else (ending,)


def _failed(ending: list[Event], error: GatewayError) -> list[Event]:
    """Return the ending with its terminal event turned into `error` and response.failed."""
    if not ending:
        return ending  # a whole answer has no events
    last = ending[-1]
    if not isinstance(last, Lifecycle):
        raise TypeError("an ending's last event is a lifecycle event")
    number = last.sequence_number
    failed = replace(
        last.response,
        status="failed",
        completed_at=None,
        incomplete_reason=None,
        error=ResponseError.of(error),
    )
    raised = ErrorRaised(number, error.type, error.code, error.message, error.param)
    return [*ending[:-1], raised, Lifecycle("response.failed", number + 1, failed)]
