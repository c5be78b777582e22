"""How much a model writes at most, as its server's list says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import orjson
import pytest

from app.errors import UpstreamUnavailable
from app.providers.http import HTTPProvider
from app.providers.output_limits import BELIEVED_S, OutputLimits
from app.providers.profiles import PROFILES
from app.providers.registry import FORMATS
from app.providers.transport import Transport
from app.settings import Api
from tests.contract.recordings import settings
from tests.processes import until
from tests.providers.asking import ask
from tests.providers.calling import a_call
from tests.providers.raw_server import RawServer, Script, Wire

Task = Callable[[], None]


class Server:
    """A server whose list is asked for when `tasks` are run."""

    def __init__(self, *, fails: bool = False) -> None:
        self.now = 0.0
        self.lists_sent = 0
        self.tasks: list[Task] = []
        self._fails = fails
        self.limits = OutputLimits(self._ask, lambda: self.now, self.tasks.append)

    def _ask(self) -> None:
        self.lists_sent += 1
        if self._fails:
            raise UpstreamUnavailable("there is no list")
        self.limits.learn({"m": 64_000})

    def run(self) -> None:
        for task in self.tasks:
            task()
        self.tasks.clear()


def test_the_list_is_asked_for_beside_the_first_request() -> None:
    server = Server()
    assert [server.limits.of("m") for _ in range(3)] == [None, None, None]
    assert (server.lists_sent, len(server.tasks)) == (0, 1)
    server.run()
    assert server.limits.of("m") == 64_000
    assert server.tasks == []


def test_an_old_list_counts_while_a_new_one_is_asked_for() -> None:
    server = Server()
    server.limits.learn({"m": 32_000})
    server.now = BELIEVED_S
    assert server.limits.of("m") == 32_000
    server.run()
    assert server.limits.of("m") == 64_000


def test_a_server_without_a_list_is_left_alone_for_a_while() -> None:
    server = Server(fails=True)
    for server.now in (0.0, BELIEVED_S - 1, BELIEVED_S):
        assert server.limits.of("m") is None
        server.run()
    assert server.lists_sent == 2


def test_nobody_is_asked_where_the_operator_has_not_said_so() -> None:
    tasks: list[Task] = []
    limits = OutputLimits(None, lambda: 0.0, tasks.append)
    assert limits.of("m") is None
    assert tasks == []


def messages(sent: list[bytes]) -> Script:
    """Answer both for the list and for an answer."""

    def script(wire: Wire) -> None:
        while True:
            try:
                request = wire.hear()
            except (EOFError, OSError):
                return
            if request.line.startswith("GET"):
                wire.answer(orjson.dumps({"data": [{"id": "m", "max_tokens": 64_000}]}))
            else:
                sent.append(request.body)
                said = [{"type": "text", "text": "Hi"}]
                body = {"type": "message", "content": said, "stop_reason": "end_turn"}
                wire.answer(orjson.dumps(body))

    return script


def test_a_later_request_asks_for_as_much_as_the_list_said() -> None:
    sent: list[bytes] = []
    with RawServer(messages(sent)) as server:
        of_api = replace(settings("anthropic_messages"), base_url=server.url, discover=True)
        provider = HTTPProvider(Transport(of_api), PROFILES["generic"], FORMATS[of_api.api])

        def asks_for_all() -> bool:
            list(provider.answer(ask(model="m"), a_call()))
            return bool(orjson.loads(sent[-1])["max_tokens"] == 64_000)

        until(asks_for_all, "the list to be known")


@pytest.mark.parametrize("api", ["chat_completions", "responses"])
def test_formats_that_need_no_limit_ask_for_no_list(api: Api) -> None:
    assert not FORMATS[api].needs_output_limit("m")
