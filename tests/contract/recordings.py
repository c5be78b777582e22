"""Raw recordings of upstreams, played to the providers that read them.

`tests/fixtures/upstream/<api>/` holds, for each case, what a server sent when it was asked to
stream (`.sse`), what it sent when it was not (`.json`), or both, and in `expected.json` what the
answer amounts to, with, under `asked`, the profile and the output's bound of a question that was
no ordinary one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

import orjson

from app.domain.items import (
    ContentPart,
    FunctionCall,
    Item,
    Message,
    OutputText,
    Reasoning,
    Refusal,
)
from app.domain.request import INCLUDE_LOGPROBS, CreateRequest, ModelRequest, Parameters
from app.domain.response import Response
from app.domain.stream.accumulate import fold
from app.domain.stream.deltas import Batch
from app.domain.stream.events import Event
from app.domain.stream.narrate import Narrator
from app.domain.upstream_call import UpstreamCall
from app.errors import GatewayError, UpstreamMisbehaved
from app.providers.http import HTTPProvider
from app.providers.profiles import PROFILES
from app.providers.registry import FORMATS
from app.providers.reply import Reply
from app.providers.transport import Endpoint, Transport
from app.providers.wire.exchange import Relay, ignore_piece
from app.schemas.wire.echo import echo
from app.schemas.wire.events import EVENT
from app.settings import Api, ProviderSettings
from app.stream_check.grammar import Grammar

Json = dict[str, Any]
MINTED = "minted_"
FOLDER = Path(__file__).parent.parent / "fixtures" / "upstream"


@dataclass(frozen=True, slots=True)
class Recording:
    """One case of one format; `sse` or `body` is None where the server has no such form.

    `request` holds what `play` has to know of the question.
    """

    api: Api
    case: str
    expected: Json
    sse: bytes | None
    body: bytes | None
    request: Json = field(default_factory=dict)

    @property
    def name(self) -> str:
        """How tests call it."""
        return f"{self.api}-{self.case}"


def recordings() -> Iterator[Recording]:
    """Yield every case of every format."""
    for api in FORMATS:
        folder = FOLDER / api
        for case, expected in orjson.loads((folder / "expected.json").read_bytes()).items():
            sse, body = (_read(folder / f"{case}.{form}") for form in ("sse", "json"))
            yield Recording(api, case, expected, sse, body, expected.pop("asked", {}))


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


class CannedTransport(Transport):
    """Answers every call with the same pieces, and keeps the bodies that were sent."""

    def __init__(self, settings: ProviderSettings, pieces: Iterable[bytes]) -> None:
        super().__init__(settings)
        self.pieces = list(pieces)
        self.sent: list[Json] = []

    def endpoint(self, path: str, headers: Mapping[str, str], *, at_root: bool = False) -> Endpoint:
        return _CannedEndpoint(self, path, headers)


class _CannedEndpoint(Endpoint):
    def __init__(self, transport: CannedTransport, path: str, headers: Mapping[str, str]) -> None:
        super().__init__(transport, transport.settings.base_url + path, headers)
        self._canned = transport

    def post(self, body: bytes, call: UpstreamCall, *, stream: bool) -> Reply:
        self._canned.sent.append(orjson.loads(body))
        return _CannedReply(self._canned.pieces)


class _CannedReply(Reply):
    def __init__(self, pieces: list[bytes]) -> None:
        # The parent's __init__ is left out: nothing of it is needed without a connection.
        self._canned = pieces
        self.broke_off = False

    def body(self) -> bytes:
        return b"".join(self._canned)

    def pieces(self, relay: Relay = ignore_piece) -> Iterator[bytes]:
        return (piece for piece in self._canned if not relay(piece))

    def close(self) -> None:
        """Nothing to close."""

    def expect_end(self) -> None:
        """Nothing to shorten_deadline."""

    def page_error(self) -> GatewayError:
        return UpstreamMisbehaved("it is a web page")


def settings(api: Api) -> ProviderSettings:
    """Return settings of a provider of this format, named after it."""
    return ProviderSettings(name=api, api=api, base_url="http://upstream.test/v1", api_key="k-1")


@dataclass(frozen=True, slots=True)
class Telling:
    """All events of an answer, and what went wrong, if something did."""

    events: list[Event]
    failure: GatewayError | None = None


def play(
    api: Api,
    pieces: Iterable[bytes],
    *,
    stream: bool,
    profile: str = "generic",
    max_output_tokens: int | None = None,
    whole: bool = True,
    relayed: bool = False,
    include: Collection[str] = (INCLUDE_LOGPROBS,),
) -> Telling:
    """Return what is told of the answer that a server gave in these pieces.

    `include` is the request's; `whole` is the quirk that says whether it is asked for whole
    answers at all; `relayed` has text told as soon as it is there.
    """
    transport = CannedTransport(settings(api), pieces)
    quirks = replace(PROFILES[profile], whole=whole)
    provider = HTTPProvider(transport, quirks, FORMATS[api])
    parameters = Parameters(max_output_tokens=max_output_tokens, include=frozenset(include))
    request = ModelRequest(model="m", items=(), parameters=parameters, stream=stream)
    call = UpstreamCall(deadline=0)
    return narrated(provider.answer(request, call), call if relayed else None)


def narrated(batches: Iterator[Batch], relaying: UpstreamCall | None = None) -> Telling:
    """Tell batches as events, and what a call relays: whole, whatever happens in between."""
    numbers = count()
    response = Response("resp_1", "m", 1, echo(CreateRequest(model="m", input=())))
    narrator = Narrator(response, lambda prefix: f"{MINTED}{prefix}_{next(numbers)}", lambda: 2)
    events = narrator.begin()

    def relay(batch: Batch) -> bool:
        result = narrator.hear_at_once(batch)
        events.extend(result)
        return bool(result)

    if relaying is not None:
        relaying.relay = relay
    try:
        for batch in batches:
            events += narrator.hear(batch)
    except GatewayError as error:
        return Telling(events + narrator.fail(error), error)
    return Telling(events + narrator.finish(), narrator.failure)


def outcome(telling: Telling) -> Json:
    """Return what an answer amounts to, in the words of expected.json.

    Raises:
        Breach: the events are out of order.
    """
    grammar = Grammar()
    for event in telling.events:
        grammar.take(EVENT.dump(event))
    response = fold(telling.events)
    usage = response.usage
    assert grammar.ended
    assert usage is not None
    shown: Json = {
        "status": response.status,
        "output": [_item(item) for item in response.output],
        "usage": {
            "input": usage.input_tokens,
            "output": usage.output_tokens,
            "cached": usage.cached_tokens,
            "written": usage.cache_write_tokens,
            "reasoning": usage.reasoning_tokens,
        },
        "tier": response.service_tier,
    }
    if response.incomplete_reason:
        shown["reason"] = response.incomplete_reason
    if telling.failure:
        shown["error"] = type(telling.failure).__name__
    return shown


def _item(item: Item) -> Json:
    match item:
        case Message():
            shown: Json = {"message": [_part(part) for part in item.content]}
            shown |= {"phase": item.phase} if item.phase else {}
        case FunctionCall():
            call_id = None if item.call_id.startswith(MINTED) else item.call_id
            shown = {"call": item.name, "call_id": call_id, **_arguments(item.arguments)}
        case Reasoning():
            payload = item.encrypted_content
            opaque = orjson.loads(payload) if payload is not None else None
            return {"reasoning": list(item.summary), "opaque": opaque}
        case _:
            raise AssertionError(f"{item} is no output")
    return shown | ({"status": item.status} if item.status != "completed" else {})


def _part(part: ContentPart) -> str | Json:
    if not isinstance(part, OutputText):
        assert isinstance(part, Refusal)
        return {"refusal": part.refusal}
    notes = {"annotations": list(part.annotations), "logprobs": list(part.logprobs)}
    shown = {"text": part.text} | {name: value for name, value in notes.items() if value}
    return shown if len(shown) > 1 else part.text


def _arguments(text: str) -> Json:
    """Return arguments as parsed JSON (U13), or as they are where they are none."""
    try:
        return {"arguments": orjson.loads(text)}
    except ValueError:
        return {"arguments_text": text}
