"""The provider of the built-in models, which need no network and are deterministic.

`echo` returns its last input: the text of the user's last message ("[image]" and "[file NAME]"
stand for other parts), or the output of the last function call. Its tokens are words: it streams
one word per batch, counts usage in words, and stops at `max_output_tokens` words, 100,000 at most.

* If `tool_choice` requires a call, it makes one, of the named function or the first that is
  allowed, with arguments made from its schema. After the call's output it echoes the output.
* If `text.format` is JSON, it returns JSON: made from the schema, or `{"echo": "…"}`.
* If `reasoning.summary` is set, it returns a short one.

`demo` simulates a model that can do more (app/providers/local/demo.py): it calls the functions that
the user mentions, fills a schema from the user's message, describes pictures, and repeats earlier
messages. docs/local-models.md describes both.

Three more models are for experiments, and are not listed: `slow-echo` and `slow-demo` take 0.2 s
for each word, and `fail` is always unavailable.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Literal

from app.domain.hosted.policy import NOTHING_PASSES
from app.domain.models import MODALITIES, Honoured, ModelFacts
from app.domain.request import INCLUDE_LOGPROBS, ModelRequest
from app.domain.response import Usage
from app.domain.stream.deltas import Batch, CallOpened, Finished, Thought, Used
from app.domain.tools import FUNCTIONS_ONLY
from app.domain.upstream_call import UpstreamCall
from app.errors import CallerGone, NotFound, UpstreamTimeout, UpstreamUnavailable
from app.providers.local.answer import LocalAnswer, count_words
from app.providers.local.demo import demo
from app.providers.local.echo import echo
from app.providers.local.reading import placeholder, text_of
from app.providers.writing.hosted import hosted_in_words
from app.providers.writing.parameters import PassThrough
from app.providers.writing.prompt_cache import ignored_caching

ANSWERS = {"echo": echo, "demo": demo}
#: Prefix of the names of slow models.
SLOWLY = "slow-"
PACE_S = 0.2
#: Maximum number of words in an answer: each of them is an event.
MOST_WORDS = 100_000
FAILING = "fail"

_PASS_THROUGH = PassThrough("local")


class LocalProvider:
    """The provider of the built-in models."""

    policy = NOTHING_PASSES

    def __init__(self, name: str) -> None:
        self.name = name

    def known_tools(self, _model: str) -> frozenset[str]:
        """Return none: the built-in models call functions only; see Provider."""
        return FUNCTIONS_ONLY

    @property
    def reads_compactions(self) -> bool:
        """False: it makes none; see Provider."""
        return False

    def ignored(self, request: ModelRequest) -> tuple[str, ...]:
        """Return the request's parameters that have no meaning here; see Provider."""
        parameters = request.parameters
        ignored = {
            "service_tier": parameters.service_tier not in (None, "auto", "default"),
            "top_logprobs": bool(parameters.top_logprobs),
            "include": INCLUDE_LOGPROBS in parameters.include,
            "text.verbosity": parameters.text.verbosity is not None,
        }
        names = (name for name, is_given in ignored.items() if is_given)
        unknown = (
            *request.left_out,
            *hosted_in_words(request.items),
            *ignored_caching(request, is_known=False),
        )
        return (*_PASS_THROUGH.ignored(parameters), *names, *unknown)

    def count_input(self, request: ModelRequest, call: UpstreamCall) -> int | None:
        """Return the number of words in the input, as usage counts them; see Provider."""
        if call.cancelled:
            raise CallerGone("the call was cancelled")
        return _input_words(request)

    def describe(self, model: str) -> tuple[ModelFacts, Honoured]:
        """Return the facts of a built-in model; see Provider."""
        makes_a_show_of_thinking = model.removeprefix(SLOWLY) == "demo"
        return ModelFacts(
            input_modalities=MODALITIES, reasoning=makes_a_show_of_thinking
        ), Honoured()

    def models(self) -> tuple[str, ...]:
        """Return the models that are listed."""
        return tuple(ANSWERS)

    def answer(self, request: ModelRequest, call: UpstreamCall) -> Iterator[Batch]:
        """Yield the answer; see Provider."""
        if request.model == FAILING:
            raise UpstreamUnavailable(f"the model '{FAILING}' is made to fail")
        name = request.model.removeprefix(SLOWLY)
        if name not in ANSWERS:
            raise NotFound(
                f"The model '{request.model}' does not exist: see GET /v1/models.",
                param="model",
                code="model_not_found",
            )
        pace_s = PACE_S if name != request.model else 0.0
        spoken = _paced(_counted(ANSWERS[name](request), request), pace_s, call)
        if request.stream:
            yield from spoken
        else:
            yield [delta for batch in spoken for delta in batch]


def _paced(batches: Iterator[Batch], pace_s: float, call: UpstreamCall) -> Iterator[Batch]:
    cancelled = threading.Event()
    call.attach(cancelled.set)
    for batch in batches:
        if cancelled.wait(pace_s) if pace_s else call.cancelled:
            raise CallerGone("the call was cancelled")
        if time.monotonic() >= call.deadline:
            raise UpstreamTimeout("the model did not answer in time")
        yield batch


def _counted(answer: LocalAnswer, request: ModelRequest) -> Iterator[Batch]:
    """Yield a batch for each word, up to the limit, then the usage and the end."""
    parameters = request.parameters
    limit = parameters.max_output_tokens or request.max_output_tokens_default or MOST_WORDS
    limit = min(limit, MOST_WORDS)
    written = thought = 0
    reason: Literal["stop", "length"] = "stop"
    for delta in answer.deltas():
        if not isinstance(delta, CallOpened):
            if written == limit:
                reason = "length"
                break
            written += 1
            thought += isinstance(delta, Thought)
        yield [delta]
    usage = Usage(
        input_tokens=_input_words(request),
        output_tokens=written,
        reasoning_tokens=thought,
    )
    yield [Used(usage), Finished(reason)]


def _input_words(request: ModelRequest) -> int:
    read = sum(count_words(text_of(item, placeholder)) for item in request.items)
    return read + count_words(request.parameters.instructions or "")
