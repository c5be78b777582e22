"""The model that is always there: it needs no network and says the same each time.

`echo` says back what it got last: the text of the user's last message ("[image]" and "[file NAME]"
stand for what is no text), or the output of the last function call. A word is its token: it streams
one word a batch, counts usage in words, and stops at `max_output_tokens` words.

* A `tool_choice` that demands a call gets one, of the named function or the first that is
  allowed, with arguments made from its schema. After the call's output it echoes the output.
* A `text.format` of JSON gets JSON: made from the schema, or `{"echo": "…"}`.
* A `reasoning.summary` gets a short one.

Two more models are for trying things out, and in no list: `slow-echo` takes 0.2 s for each word,
and `fail` is always unavailable.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Literal, assert_never

from app.domain.answer_options import JsonSchemaFormat, TextFormat, UnseenItem
from app.domain.hosted.item import HostedItem
from app.domain.hosted.policy import NOTHING_PASSES
from app.domain.hosted.words import words_of
from app.domain.items import (
    Compaction,
    ContentPart,
    FunctionCall,
    FunctionCallOutput,
    InputFile,
    InputImage,
    InputText,
    Item,
    Message,
    OutputText,
    Reasoning,
    Refusal,
)
from app.domain.models import MODALITIES, Honoured, ModelFacts
from app.domain.request import INCLUDE_LOGPROBS, ModelRequest
from app.domain.response import Usage
from app.domain.stream.deltas import (
    Arguments,
    Batch,
    CallOpened,
    Delta,
    Finished,
    Text,
    Thought,
    Used,
)
from app.domain.tools import FUNCTIONS_ONLY, AllowedTools, FunctionTool, NamedFunction
from app.domain.upstream_call import UpstreamCall
from app.errors import CallerGone, NotFound, UpstreamTimeout, UpstreamUnavailable
from app.providers.local.sample import sample
from app.providers.writing.compactions import unread_compaction
from app.providers.writing.hosted import hosted_in_words
from app.providers.writing.parameters import PassThrough
from app.providers.writing.prompt_cache import ignored_caching

PACES_S = {"echo": 0.0, "slow-echo": 0.2}
FAILING = "fail"

_WORDS = re.compile(r"\s*\S+(?:\s+$)?|\s+")

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
        """There are none of its own; see Provider."""
        return False

    def ignored(self, request: ModelRequest) -> tuple[str, ...]:
        """Name what is asked for and has no sense here; see Provider."""
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
        """Return how many words the input has, as its answers count them; see Provider."""
        if call.cancelled:
            raise CallerGone("the call was cancelled")
        return _input_words(request)

    def describe(self, _model: str) -> tuple[ModelFacts, Honoured]:
        """Return what the built-in models are; see Provider."""
        return ModelFacts(input_modalities=MODALITIES, reasoning=False), Honoured()

    def models(self) -> tuple[str, ...]:
        """Return the one model that is meant for use."""
        return ("echo",)

    def answer(self, request: ModelRequest, call: UpstreamCall) -> Iterator[Batch]:
        """Yield the answer; see Provider."""
        if request.model == FAILING:
            raise UpstreamUnavailable(f"the model '{FAILING}' is made to fail")
        if request.model not in PACES_S:
            raise NotFound(
                f"The model '{request.model}' does not exist: see GET /v1/models.",
                param="model",
                code="model_not_found",
            )
        spoken = _paced(_answer(request), PACES_S[request.model], call)
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


def _answer(request: ModelRequest) -> Iterator[Batch]:
    parameters = request.parameters
    limit = parameters.max_output_tokens or request.max_output_tokens_default
    written = thought = 0
    reason: Literal["stop", "length"] = "stop"
    for delta in _deltas(request):
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
    read = sum(len(_words(_text_of(item))) for item in request.items)
    return read + len(_words(request.parameters.instructions or ""))


def _deltas(request: ModelRequest) -> Iterator[Delta]:
    """Yield one delta a word."""
    parameters = request.parameters
    text, tool = _last_input(request.items), _required_tool(request)
    reasoning = parameters.reasoning
    if reasoning and reasoning.summary not in (None, "none"):
        for word in _words(f"I am to answer {len(_words(text))} words."):
            yield Thought(word)
    if tool is None:
        for word in _words(_formatted(parameters.text.format, text)):
            yield Text(word)
        return
    yield CallOpened("0", None, tool.name)
    arguments = sample({"type": "object"} | (tool.parameters or {}), text)
    for word in _words(json.dumps(arguments, ensure_ascii=False)):
        yield Arguments("0", word)


def _required_tool(request: ModelRequest) -> FunctionTool | None:
    """Return the tool that must be called now; after an output the model speaks."""
    tools = request.parameters.functions
    if request.items and isinstance(request.items[-1], FunctionCallOutput):
        return None
    match request.parameters.tool_choice:
        case "required":
            names = [tool.name for tool in tools]
        case NamedFunction(name=name):
            names = [name]
        case AllowedTools(mode="required", names=allowed):
            names = list(allowed)
        case _:
            return None
    return next((tool for tool in tools if tool.name in names), None)


def _formatted(form: TextFormat, text: str) -> str:
    if form == "text":
        return text
    value = sample(form.schema, text) if isinstance(form, JsonSchemaFormat) else {"echo": text}
    return json.dumps(value, ensure_ascii=False)


def _last_input(items: Sequence[Item]) -> str:
    """Return the last function output or user message; "" when there is none."""
    for item in reversed(items):
        if isinstance(item, FunctionCallOutput) or (
            isinstance(item, Message) and item.role == "user"
        ):
            return _text_of(item)
    return ""


def _text_of(item: Item) -> str:
    match item:
        case Message(content=content):
            return "\n".join(_text(part) for part in content)
        case FunctionCallOutput(content=output):
            return output if isinstance(output, str) else "\n".join(_text(part) for part in output)
        case FunctionCall(arguments=arguments):
            return arguments
        case Reasoning(summary=summary):
            return "\n".join(summary)
        case UnseenItem():
            return ""
        case HostedItem():
            return words_of(item)
        case Compaction():
            raise unread_compaction()
        case _:
            assert_never(item)


def _text(part: ContentPart) -> str:
    match part:
        case InputText(text=text) | OutputText(text=text) | Refusal(refusal=text):
            return text
        case InputImage():
            return "[image]"
        case InputFile(filename=name):
            return f"[file {name}]" if name else "[file]"
        case _:
            assert_never(part)


def _words(text: str) -> list[str]:
    """Split a text so that the words, joined, are the text again."""
    return _WORDS.findall(text)
