"""Whoever has long work lets others run, also those who are only just coming."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.processes import uncounted

#: A greenlet that works in slices, and a caller whose bytes come while it does.
PROGRAM = """
from gevent import monkey; monkey.patch_all()
import gevent, socket
ours, theirs = socket.socketpair()
said = []
{work}
def go():
    theirs.sendall(b"hello")
    work()
    said.append("worked")
def listen():
    ours.recv(5)
    said.append("heard")
gevent.joinall([gevent.spawn(listen), gevent.spawn(go)])
print(said)
"""
BODY = "from app.api.http.bodies import let_others_run as work"
#: A piece that was compressed.
LONG_PIECE = """
from contextlib import suppress
from app.errors import GatewayError
from app.domain.upstream_call import UpstreamCall
from app.providers.openai_chat.reader import ChatReader
from app.providers.reading.streaming import stream_batches
class Reply:
    def pieces(self, take):
        piece = b": nothing\\n\\n" * 20_000 + b"data: [DONE]\\n\\n"
        return [] if take(piece) else [piece]
    broke_off = False
    def close(self): pass
def work():
    with suppress(GatewayError):
        list(stream_batches(Reply(), ChatReader(None), UpstreamCall(1e9), None))
"""
#: A stream that came where a whole answer was wanted.
STREAM_AS_BODY = """
from contextlib import suppress
from app.errors import GatewayError
from app.providers.openai_chat.reader import ChatReader
from app.providers.reading.streaming import whole_batches
class Reply:
    def body(self):
        return b": nothing\\n\\n" * 20_000
def work():
    with suppress(GatewayError):
        list(whole_batches(Reply(), ChatReader(None), None, None))
"""
#: Many events of a background response, looked at after a while.
EVENTS = """
from app.domain.stream.deltas import Text
from app.domain.stream.narrate import Narrator
from app.domain.response import Response
import orjson
from app.schemas.wire.event_lines import decode, encode
from app.services.background.progress import Progress
from app.store.jobs.base import StreamPart
narrator = Narrator(Response("resp_1", "m", 0, {}, "queued"), str, int)
lines = [encode(each) for each in [*narrator.begin(), *narrator.hear([Text("a")] * 3000)]]
class Jobs:
    def read_events(self, _id, number, _key=None):
        return StreamPart(lines[number:])
    def decode(self, line):
        return decode(line)
def work():
    Progress(Jobs()).response("resp_1")
"""


@pytest.mark.parametrize(
    "work",
    [BODY, LONG_PIECE, STREAM_AS_BODY, EVENTS],
    ids=["a body", "a long piece", "a stream as a body", "events"],
)
def test_a_pause_is_long_enough_for_a_caller_that_comes(work: str) -> None:
    program = [sys.executable, "-c", PROGRAM.format(work=work)]
    result = subprocess.run(program, env=uncounted(), capture_output=True, check=False)  # noqa: S603 - our own
    assert result.stdout.strip() == b"['heard', 'worked']", result.stderr.decode()
