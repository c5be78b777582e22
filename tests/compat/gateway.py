"""A gateway in this process, with an upstream of each kind that keeps what it is sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import unquote

import orjson
from flask.testing import FlaskClient

from app.api import context
from app.domain.upstream_call import UpstreamCall
from app.factory import create_app
from app.providers.http import HTTPProvider
from app.providers.local import LocalProvider
from app.providers.profiles import profile_of
from app.providers.registry import FORMATS
from app.providers.reply import Reply
from app.providers.transport import Endpoint, Transport
from app.settings import ProviderSettings, RedisSettings, Settings
from app.settings.pass_through import HOSTED_TOOLS
from app.settings.values import LOCAL
from tests.contract.recordings import _CannedReply
from tests.redis_server import running
from tests.upstream.answer import ReadRequest, answer
from tests.upstream.frames import dumps
from tests.upstream.plan import WIRES
from tests.upstream.script import Script

Json = dict[str, Any]

_PATHS = {
    "chat_completions": "/chat/completions",
    "anthropic_messages": "/messages",
    "responses": "/responses",
}
#: What differs from one answer to the next, whatever is asked.
_CHANCE = frozenset({"id", "created_at", "completed_at", "item_id", "call_id"})


@dataclass(frozen=True, slots=True)
class Column:
    """A kind of upstream. What one of its models takes and another does not is asked of both."""

    title: str
    settings: ProviderSettings
    models: tuple[str, ...]
    plain: str | None = None  # the same without passing through


def _at(name: str, api: Any, url: str, **more: Any) -> ProviderSettings:
    return ProviderSettings(name=name, api=api, base_url=url, api_key="k", **more)


_GPT = ("gpt-5.4", "gpt-4.1")
COLUMNS = (
    Column(
        "Chat Completions",
        _at("chat", "chat_completions", "http://chat.example/v1"),
        _GPT,
    ),
    Column(
        "Messages (Anthropic)",
        _at("messages", "anthropic_messages", "https://api.anthropic.com/v1"),
        ("claude-sonnet-4-6", "claude-3-5-haiku-latest"),
    ),
    Column("Responses", _at("responses", "responses", "http://responses.example/v1"), _GPT),
    Column("Responses (OpenAI)", _at("openai", "responses", "https://api.openai.com/v1"), _GPT),
    Column(
        "… passed through",
        _at(
            "passing",
            "responses",
            "https://api.openai.com/v1",
            forward=("all",),
            hosted_tools=HOSTED_TOOLS,
            reasoning_text=True,
        ),
        _GPT,
        plain="Responses (OpenAI)",
    ),
)


class Bed(Transport):
    """Answers each call as `script` says, or with `pieces`, and keeps the last body."""

    def __init__(self, settings: ProviderSettings) -> None:
        super().__init__(settings)
        self.wire = WIRES[_PATHS[settings.api]]
        self.script = Script(say="Hello.", reasoning="Hm.")
        self.pieces: list[bytes] = []
        self.sent: Json | None = None

    def endpoint(self, path: str, headers: Mapping[str, str], *, at_root: bool = False) -> Endpoint:
        return _BedEndpoint(self, path, headers)

    def answer(self, body: Json, *, stream: bool) -> list[bytes]:
        """Return the pieces of an answer."""
        self.sent = body
        if self.pieces:
            return self.pieces
        result = answer(ReadRequest(str(body.get("model")), stream, "", 1), self.script)
        if not stream:
            return [dumps(self.wire.whole(result))]
        frames = self.wire.stream(result)
        if self.script.error_after is not None:
            return [frames.opening, *frames.pieces, self.wire.error_frame(self.script.error)]
        return [frames.opening, *frames.pieces, frames.closing]


class _BedEndpoint(Endpoint):
    def __init__(self, bed: Bed, path: str, headers: Mapping[str, str]) -> None:
        super().__init__(bed, bed.settings.base_url + path, headers)
        self._bed = bed

    def post(self, body: bytes, call: UpstreamCall, *, stream: bool) -> Reply:
        return _CannedReply(self._bed.answer(orjson.loads(body), stream=stream))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a request: the answer without what is chance, and what went upstream."""

    status: int
    named: frozenset[str]
    shown: object
    sent: Json | None
    message: str
    body: Any

    @property
    def is_refused(self) -> bool:
        return self.status >= 400


class Gateway:
    """The gateway, and somebody with a key of it."""

    def __init__(self, redis_url: str, prefix: str) -> None:
        self.beds = {each.settings.name: Bed(each.settings) for each in COLUMNS}
        settings = self.settings = Settings(
            providers=(*(each.settings for each in COLUMNS), LOCAL),
            redis=RedisSettings(url=redis_url, prefix=prefix),
            log_level="CRITICAL",
        )
        self.app = create_app(
            settings,
            providers={LOCAL.name: LocalProvider(LOCAL.name)}
            | {
                name: HTTPProvider(bed, profile_of(bed.settings), FORMATS[bed.settings.api])
                for name, bed in self.beds.items()
            },
        )
        with self.app.app_context():
            _, self.key = context.services().accounts.create_key("compat", by="compat")
        self._asked: dict[bytes, Outcome] = {}

    @cached_property
    def client(self) -> FlaskClient:
        return self.app.test_client()

    def call(self, method: str, path: str, body: Json | None = None) -> Any:
        """Return the answer to a request."""
        headers = {"Authorization": f"Bearer {self.key}"}
        return self.client.open(path, method=method, json=body, headers=headers)

    def ask(self, name: str, body: Json) -> Outcome:
        """Ask the upstream of a column, by POST /v1/responses; the same body is asked once."""
        bed, known = self.beds[name], orjson.dumps([name, body])
        if known in self._asked and not bed.pieces:
            return self._asked[known]
        bed.sent = None
        whole = body | {"model": f"{name}/{body['model']}"}
        found = self._asked[known] = outcome(self.call("POST", "/v1/responses", whole), bed.sent)
        return found


def outcome(reply: Any, sent: Json | None) -> Outcome:
    """Return what an answer comes to.

    Raises:
        AssertionError: it is a fault of the gateway's.
    """
    text = reply.get_data(as_text=True)
    assert reply.status_code < 500, text
    body = orjson.loads(text) if reply.mimetype == "application/json" else text
    named = reply.headers.get("X-Ignored-Parameters", "")
    return Outcome(
        status=reply.status_code,
        named=frozenset(unquote(name) for name in named.split(", ") if name),
        shown=(reply.status_code, reply.mimetype, without_chance(body)),
        sent=sent,
        message=body["error"]["message"] if reply.status_code >= 400 else "",
        body=body,
    )


def without_chance(value: Any) -> Any:
    """Return JSON without what differs from one answer to the next."""
    if isinstance(value, dict):
        kept = {key: each for key, each in value.items() if key not in _CHANCE}
        return {key: without_chance(each) for key, each in kept.items()}
    if isinstance(value, list):
        return [without_chance(each) for each in value]
    return None if isinstance(value, str) and value.startswith("event:") else value


@contextmanager
def gateway(redis_url: str | None = None) -> Iterator[Gateway]:
    """Make a gateway, on a Redis of its own where none is given."""
    if redis_url is not None:
        yield Gateway(redis_url, "compat:")
        return
    with running() as url:
        yield Gateway(url, "compat:")
