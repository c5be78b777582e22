"""Conversations of a client with one provider, in this process: what it sends, and what is sent on.

The upstream is the suite's own: it answers as told, once its strictest checks have nothing to say.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import orjson

from app.domain.accounts.content_key import ContentKey
from app.domain.call_ids import used_call_ids
from app.domain.items import Item
from app.domain.request import CreateRequest, ModelRequest, Parameters
from app.domain.response import Response
from app.domain.stream.accumulate import fold
from app.domain.stream.call_names import CallNames
from app.domain.stream.narrate import Narrator
from app.domain.tools import FunctionTool
from app.domain.turns.turn import Context, Turn
from app.domain.upstream_call import UpstreamCall
from app.providers.http import HTTPProvider
from app.providers.profiles import PROFILES
from app.providers.registry import FORMATS
from app.schemas.wire.echo import echo
from app.services.answering.history import thread_for
from app.settings import Api
from tests.contract.recordings import CannedTransport, settings
from tests.ids import IDS, item_minter
from tests.memory_stores.responses import MemoryStore
from tests.upstream.answer import ReadRequest, answer
from tests.upstream.plan import WIRES
from tests.upstream.refusals import refusal
from tests.upstream.script import Script

Json = dict[str, Any]
Pair = tuple[str, str]
Step = tuple[str, str, str]

ACCOUNT = "acme"
TOOL = FunctionTool("f", parameters={"type": "object", "properties": {}})
PATHS: dict[Api, str] = {
    "chat_completions": "/chat/completions",
    "anthropic_messages": "/messages",
    "responses": "/responses",
}
#: One whose reasoning travels back, where there is one.
PROFILE: dict[Api, str] = {
    "chat_completions": "vllm",
    "anthropic_messages": "anthropic",
    "responses": "openai",
}


class PurgingStore(MemoryStore):
    """Forgets what turns held, as an operator's purge does."""

    def __init__(self) -> None:
        super().__init__()
        self.purged: set[str] = set()

    def purge(self, response_id: str) -> None:
        """Leave nothing of a turn but its place."""
        self.delete(ACCOUNT, response_id)
        kept = self._kept[response_id]
        empty = replace(kept.turn, input=(), response=replace(kept.turn.response, output=()))
        self._kept[response_id] = replace(kept, turn=empty)
        self.purged.add(response_id)

    def context(self, account: str, response_id: str, key: ContentKey | None = None) -> Context:
        """Return the context, and which of its turns are purged."""
        chain = self._kept[response_id].chain
        purged = frozenset(turn for turn, each in enumerate(chain) if each in self.purged)
        return replace(super().context(account, response_id, key), purged=purged)


@dataclass
class Line:
    """A client's line to one provider; `sent` is the last body that went upstream."""

    api: Api
    stream: bool
    store: PurgingStore
    sent: Json | None = None

    def ask(self, items: tuple[Item, ...], parent: str | None, script: Script) -> Response:
        """Send a turn, and store what comes of it.

        Raises:
            InvalidRequest: the turn is refused.
            AssertionError: a strict server would have refused what was sent.
        """
        self.sent = None
        payload = CreateRequest(
            model="m", input=items, stream=self.stream, previous_response_id=parent
        )
        start = thread_for(self.store, IDS, ACCOUNT, payload, self.store.context)
        transport = CannedTransport(settings(self.api), [self._said(script)])
        provider = HTTPProvider(transport, PROFILES[PROFILE[self.api]], FORMATS[self.api])
        request = ModelRequest(
            model="m",
            items=start.items,
            parameters=Parameters(tools=(TOOL,)),
            stream=self.stream,
        )
        response = Response(start.response_id, "m", 1, echo(payload))
        names = CallNames(used_call_ids(payload, start.items))
        narrator = Narrator(response, item_minter(response.id), lambda: 2, names)
        events = narrator.begin()
        for batch in provider.answer(request, UpstreamCall(deadline=0)):
            events += narrator.hear(batch)
        done = fold(events + narrator.finish())
        self.sent = transport.sent[-1]
        refused = refusal(PATHS[self.api], self.sent)
        assert refused is None, refused
        self.store.save(Turn(ACCOUNT, done, start.own, frozenset(), start.position))
        return done

    def pairs(self) -> list[Pair]:
        """Return the calls of what was sent, each as its arguments and its output, in order.

        Raises:
            AssertionError: a group of calls is not followed by its outputs.
        """
        assert self.sent is not None
        return list(_pairs(self.api, self.sent))

    def count(self, text: str) -> int:
        """Return how often a text is in what was sent."""
        return orjson.dumps(self.sent).count(text.encode())

    def _said(self, script: Script) -> bytes:
        wire = WIRES[PATHS[self.api]]
        said = answer(ReadRequest("m", self.stream, "", 1), script)
        if not self.stream:
            return orjson.dumps(wire.whole(said))
        result = wire.stream(said)
        return result.opening + b"".join(result.pieces) + result.closing


def _pairs(api: Api, body: Json) -> list[Pair]:
    """Return the pairs; an output's call is the one that a server takes it for: by id, nearest."""
    calls: dict[str, str] = {}
    pairs: list[Pair] = []
    for kind, call_id, text in _steps(api, body):
        if kind == "call":
            calls[call_id] = text
        else:
            pairs.append((calls.pop(call_id), text))
    assert not calls
    return pairs


def _steps(api: Api, body: Json) -> Iterator[Step]:
    """Yield the calls and outputs of a body, in its order."""
    match api:
        case "chat_completions":
            return (step for message in body["messages"] for step in _chat_steps(message))
        case "anthropic_messages":
            blocks = (block for turn in body["messages"] for block in turn["content"])
            return (step for block in blocks for step in _anthropic_steps(block))
        case _:
            return (step for item in body["input"] for step in _responses_steps(item))


def _chat_steps(message: Json) -> Iterator[Step]:
    for call in message.get("tool_calls", ()):
        yield "call", call["id"], call["function"]["arguments"]
    if message["role"] == "tool":
        yield "output", message["tool_call_id"], message["content"]


def _anthropic_steps(block: Json) -> Iterator[Step]:
    if block["type"] == "tool_use":
        yield "call", block["id"], orjson.dumps(block["input"]).decode()
    elif block["type"] == "tool_result":
        yield "output", block["tool_use_id"], block["content"]


def _responses_steps(item: Json) -> Iterator[Step]:
    if item["type"] == "function_call":
        yield "call", item["call_id"], item["arguments"]
    elif item["type"] == "function_call_output":
        yield "output", item["call_id"], item["output"]
