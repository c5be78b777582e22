"""Compactions, as an answer or before one: a model writes a summary, which is sealed (G6-G8)."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from time import monotonic
from typing import NamedTuple

from app.domain.estimates import estimate
from app.domain.items import Compaction, Item
from app.domain.request import CreateRequest
from app.domain.response import NO_USAGE, Usage
from app.domain.stream.deltas import Batch, Compacted, Delta, Finished, Text, Used, close_batches
from app.domain.turns.compaction import LONGEST_SEALED, Summary, instructions_in, last_step, stays
from app.domain.turns.turn import Thread
from app.errors import CallerGone, GatewayError, InvalidRequest, UpstreamMisbehaved
from app.services.answering.prepared.request import PreparedRequest
from app.services.answering.sealing import SUMMARY_TAG, PayloadSealer
from app.services.upstreams.catalog import Target
from app.services.upstreams.router import EndedCall, UpstreamAnswer, served_tier, total_usage

#: Opens an upstream whose answer continues from these items.
Answer = Callable[[tuple[Item, ...]], UpstreamAnswer]


class _Written(NamedTuple):
    """A summary as the model wrote it, why the model stopped, and the usage."""

    text: str
    finished: Finished
    usage: Usage


class Compactor:
    """Makes compactions from summaries that models write. `clock` is like time.monotonic."""

    def __init__(self, sealer: PayloadSealer, clock: Callable[[], float] = monotonic) -> None:
        self._sealer = sealer
        self._clock = clock

    def is_due(self, prepared: PreparedRequest) -> bool:
        """Tell whether a request's input exceeds its threshold and part of it can be replaced.

        The tokens are estimated: the upstream's own counter would take an extra call before each
        answer.
        """
        threshold = prepared.request.compact_threshold
        if threshold is None:
            return False
        items = prepared.thread.visible
        tokens = estimate(prepared.parameters, items, None).input_tokens
        return tokens > threshold and not all(map(stays, items[: last_step(items)]))

    def alone(
        self, prepared: PreparedRequest, opened: UpstreamAnswer, silence_s: float
    ) -> UpstreamAnswer:
        """Return an answer of just one compaction, made from what `opened` writes (G6, G7).

        A summary that was cut short makes it incomplete, without an item; at the endpoint it fails.
        """
        return replace(opened, batches=_begun(self._alone(prepared, opened, silence_s)))

    def before(
        self,
        prepared: PreparedRequest,
        opened: UpstreamAnswer,
        silence_s: float,
        answer: Answer,
        lost: Callable[[], tuple[EndedCall, ...]],
    ) -> UpstreamAnswer:
        """Return an answer that begins with a compaction, made from what `opened` writes (G8).

        `answer` opens the call that continues from what is left; from then on target, provider and
        `ignored` are that call's. If it fails, `lost` returns the calls whose output is lost.
        """
        joined = replace(opened)
        joined.batches = _begun(self._before(prepared, joined, opened, silence_s, answer, lost))
        return joined

    def _alone(
        self, prepared: PreparedRequest, opened: UpstreamAnswer, silence_s: float
    ) -> Generator[Batch, None, None]:
        try:
            yield ()
            yield ()
            written = yield from self._written(opened.batches, silence_s)
            finished = written.finished
            is_endpoint = prepared.request.compaction == "endpoint"
            if finished.reason == "stop" or is_endpoint:
                # Developer messages are not in what the endpoint returns: the summary has them.
                given = instructions_in(prepared.thread.visible) if is_endpoint else ()
                yield [self._sealed(prepared, written, given, keeps_messages=True)]
            yield [finished]
        finally:
            close_batches(opened.batches)

    def _before(
        self,
        prepared: PreparedRequest,
        joined: UpstreamAnswer,
        opened: UpstreamAnswer,
        silence_s: float,
        answer: Answer,
        lost: Callable[[], tuple[EndedCall, ...]],
    ) -> Generator[Batch, None, None]:
        batches = opened.batches
        try:
            yield ()
            yield ()
            written = yield from self._written(batches, silence_s)
            compacted = self._sealed(prepared, written)
            yield [compacted]
            items = prepared.thread.visible
            step = last_step(items)
            kept = (item for item in items[:step] if stays(item) and type(item) is not Compaction)
            tier = written.finished.service_tier or prepared.response.service_tier
            tier = served_tier(opened.ignored, tier)
            joined.before = (EndedCall(opened.target, written.usage, tier),)
            try:
                opened = answer((*kept, Compaction("", compacted.encrypted_content), *items[step:]))
            except CallerGone:
                raise  # the call may have used anything
            except GatewayError:
                joined.before, joined.has_failed = (*joined.before, *lost()), True
                yield [Used(total_usage(joined.before))]
                raise
            joined.target, joined.provider = opened.target, opened.provider
            joined.ignored, batches = opened.ignored, opened.batches
            for batch in batches:
                yield [_added_to(written.usage, delta) for delta in batch]
        finally:
            close_batches(batches)

    def _written(
        self, batches: Iterator[Batch], silence_s: float
    ) -> Generator[Batch, None, _Written]:
        """Read a summary to its end; yield its usage, and empty batches as signs of life."""
        texts, finished, usage = list[str](), Finished(), NO_USAGE
        silent_since = self._clock()
        for batch in batches:
            for delta in batch:
                if isinstance(delta, Text):
                    texts.append(delta.text)
                elif isinstance(delta, Finished):
                    finished = delta
                elif isinstance(delta, Used):
                    usage = delta.usage
                    yield [delta]
            if not batch or self._clock() - silent_since >= silence_s:
                silent_since = self._clock()
                yield ()
        close_batches(batches)
        return _Written("".join(texts), finished, usage)

    def _sealed(
        self,
        prepared: PreparedRequest,
        written: _Written,
        given: tuple[str, ...] = (),
        *,
        keeps_messages: bool = False,
    ) -> Compacted:
        """Return a summary sealed for its account, with the `given` instructions.

        Raises:
            UpstreamMisbehaved: the summary is empty, cut short, or too long to be sent back.
        """
        if written.finished.reason != "stop":
            raise UpstreamMisbehaved(
                "The model did not finish the summary that the conversation was to be compacted "
                f"to (it stopped for '{written.finished.reason}'): nothing was compacted."
            )
        if not written.text.strip():
            raise UpstreamMisbehaved(
                "The model wrote no summary that the conversation could be compacted to: nothing "
                "was compacted."
            )
        account = prepared.caller.account
        carried = dict.fromkeys((*self._carried(account, prepared.thread.visible), *given))
        summary = Summary(written.text, tuple(carried), keeps_messages)
        sealed = self._sealer.seal_summary(account, summary)
        if len(sealed) > LONGEST_SEALED:
            raise UpstreamMisbehaved(
                "What the conversation was compacted to is too long to be sent back."
            )
        return Compacted(sealed)

    def _carried(self, account: str, items: tuple[Item, ...]) -> Iterator[str]:
        """Yield the instructions in earlier compactions, which this one replaces."""
        for item in items:
            if isinstance(item, Compaction):
                summary = self._sealer.open_summary(account, item.encrypted_content)
                if summary is not None:
                    yield from summary.instructions


def opened_summary(
    sealer: PayloadSealer, account: str, request: CreateRequest, compaction: Compaction
) -> Summary | None:
    """Return the summary in a compaction of this gateway; None for another service's.

    Raises:
        InvalidRequest: it was altered, or is another account's.
    """
    if not compaction.encrypted_content.startswith(SUMMARY_TAG):
        return None
    summary = sealer.open_summary(account, compaction.encrypted_content)
    if summary is None:
        raise InvalidRequest(
            "This compaction was altered, or made for another account: send it as it came.",
            param=path_of(request, compaction),
            code="invalid_value",
        )
    return summary


def readers(
    targets: tuple[Target, ...], request: CreateRequest, thread: Thread
) -> tuple[Target, ...]:
    """Return the targets that can read every compaction that the model will see.

    This gateway's own can be read in every format, another service's only by its own servers.

    Raises:
        InvalidRequest: no target can.
    """
    if not thread.has_compactions:
        return targets
    for item in thread.visible:
        if isinstance(item, Compaction) and not item.encrypted_content.startswith(SUMMARY_TAG):
            able = tuple(each for each in targets if each.provider.reads_compactions)
            if not able:
                raise InvalidRequest(
                    "This compaction was made by another service, and cannot be read here: send "
                    "the items that it stands for, or ask a model of the service that made it.",
                    param=path_of(request, item),
                    code="unsupported_value",
                )
            return able
    return targets


def path_of(request: CreateRequest, compaction: Compaction) -> str:
    """Return the path of a compaction's content, or the parameter that brought it in."""
    for index, item in enumerate(request.input):
        if isinstance(item, Compaction) and (
            item.encrypted_content == compaction.encrypted_content
        ):
            return f"input[{index}].encrypted_content"
    return "previous_response_id" if request.conversation is None else "conversation"


def _begun(batches: Generator[Batch, None, None]) -> Iterator[Batch]:
    """Advance a generator of batches to its first yield, so that its `finally` always runs.

    It yields silence twice: the second is the answer's first batch, so that the opening events do
    not wait for the summary.
    """
    next(batches)
    return batches


def _added_to(before: Usage, delta: Delta) -> Delta:
    return Used(before.plus(delta.usage)) if isinstance(delta, Used) else delta
