"""Measures the memory and CPU that each kind of response costs Redis.

`python -m bench.redis_cost` stores 4,000 responses of each kind, through a gateway and a worker and
in a Redis of its own. It prints the growth of `used_memory` per response and per million, and the
CPU time of Redis. The texts are sentences of docs/: random words, or one text repeated, would not
compress as conversations do.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import Any

import redis
import requests

from bench import servers
from bench.questions import MODEL, agent
from bench.servers import HOST, Server
from tests import redis_server
from tests.e2e.workers import brief
from tests.processes import ROOT
from tests.upstream import client as upstreams
from tests.upstream.client import Upstream
from tests.upstream.script import Call, Script

COUNT = 4000
AT_ONCE = 4
TURNS = 20
#: Number of responses of each kind that are fetched, for the size of their JSON.
LOOKED_AT = 20
PATIENCE_S = 60

Json = dict[str, Any]
Talk = Callable[["Caller", int], list[str]]


@dataclass(frozen=True, slots=True)
class Kind:
    """`talk` creates some responses and returns their ids; `each` is their number."""

    name: str
    talk: Talk
    each: int = 1


@dataclass(frozen=True, slots=True)
class Caller:
    """A client of the gateway."""

    server: Server
    upstream: Upstream
    session: requests.Session

    def create(self, words: tuple[int, int], seed: int, **more: Any) -> str:
        """Send words[0] words, get words[1] in answer, and return the response's id."""
        script = Script(say=prose(words[1], 2 * seed))
        return self.send(script, {"input": prose(words[0], 2 * seed + 1)} | more)[0]

    def send(self, script: Script, body: Json) -> tuple[str, str]:
        """Send a request; return the response's id and that of a call in it, "" for none.

        The model follows `script`, or one that another caller has armed.
        """
        self.upstream.arm(script)
        answer = self.session.post(self._url(""), json={"model": MODEL} | body, timeout=PATIENCE_S)
        answer.raise_for_status()
        if body.get("stream") and "event: response.completed" not in answer.text:
            raise RuntimeError(f"a stream ended with {answer.text[-300:]}")
        response, call = (
            re.search(rf'"{name}":"(\w+)"', answer.text) for name in ("id", "call_id")
        )
        if not response:
            raise RuntimeError(answer.text)
        return response[1], call[1] if call else ""

    def json_bytes(self, response_id: str) -> int:
        """Return the size of a completed response as GET returns it."""
        answer = self.session.get(self._url(f"/{response_id}?wait=30"), timeout=PATIENCE_S)
        answer.raise_for_status()
        if answer.json()["status"] != "completed":
            raise RuntimeError(answer.text)
        return len(answer.content)

    def _url(self, path: str) -> str:
        return f"http://{HOST}:{self.server.port}/v1/responses{path}"


@cache
def _sentences() -> tuple[str, ...]:
    """Return the sentences of the documentation, without code and tables."""
    pages = [page.read_text() for page in sorted((ROOT / "docs").rglob("*.md"))]
    text = re.sub(r"```.*?```|^\|.*?$|^#.*?$", "", "\n".join(pages), flags=re.DOTALL | re.MULTILINE)
    return tuple(each for each in re.split(r"(?<=[.:])\s+", text) if len(each.split()) > 4)


def prose(words: int, seed: int) -> str:
    """Return a text of `words` words, the same for the same seed."""
    found: list[str] = []
    random = Random(seed)  # noqa: S311 - guards nothing
    while len(found) < words:
        found += random.choice(_sentences()).split()
    return " ".join(found[:words])


def _alone(caller: Caller, seed: int, *, words: tuple[int, int], **more: Any) -> list[str]:
    return [caller.create(words, seed, **more)]


def _conversation(caller: Caller, seed: int) -> list[str]:
    ids: list[str] = []
    for turn in range(TURNS):
        more: Json = {"previous_response_id": ids[-1]} if ids else {}
        ids.append(caller.create((60, 70), seed + turn, stream=True, **more))
    return ids


def _agent(caller: Caller, seed: int) -> list[str]:
    """Simulate an agent with forty tools, whose calls have outputs of two hundred words."""
    ids: list[str] = []
    tools = agent(1).responses["tools"]
    given: object = prose(60, 2 * seed)
    for turn in range(TURNS):
        call = Call(name=f"tool_{turn}", arguments='{"city":"Ulm","unit":"C"}')
        more: Json = {"previous_response_id": ids[-1]} if ids else {}
        body = {"input": given, "tools": tools, "stream": True}
        response_id, call_id = caller.send(Script(calls=(call,)), body | more)
        ids.append(response_id)
        output = prose(200, 2 * (seed + turn) + 1)
        given = [{"type": "function_call_output", "call_id": call_id, "output": output}]
    return ids


KINDS = (
    Kind("a line each way", partial(_alone, words=(8, 12))),
    Kind("60 words, and 70 in answer", partial(_alone, words=(60, 70))),
    Kind("60 words, and 300 in answer, streamed", partial(_alone, words=(60, 300), stream=True)),
    Kind(f"a turn of {TURNS}: 60 words, and 70 in answer, streamed", _conversation, TURNS),
    Kind(f"an agent's step of {TURNS}: 40 tools, a call, 200 words of output", _agent, TURNS),
    Kind(
        "60 words, and 300 in answer, in the background",
        partial(_alone, words=(60, 300), background=True),
    ),
)


def measured(caller: Caller, client: redis.Redis, kind: Kind, count: int, first: int) -> Json:
    """Store `count` responses of a kind; return what each takes.

    That is bytes in Redis, bytes of JSON, and microseconds of Redis's CPU.
    """
    before, before_us = _used(client), _cpu_us(client)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        seeds = range(first, first + count, kind.each)
        ids = [each for made in pool.map(partial(kind.talk, caller), seeds) for each in made]
        # In the background: when the last ones have ended, so have the others.
        sizes = list(pool.map(caller.json_bytes, ids[-LOOKED_AT:]))
    caller.upstream.reset()
    return {
        "redis": (_used(client) - before) / len(ids),
        "json": sum(sizes) / len(sizes),
        "cpu_us": (_cpu_us(client) - before_us) / len(ids),
    }


def _used(client: redis.Redis) -> int:
    """Return Redis's used memory in bytes, without the buffers of connections."""
    memory = client.info("memory")
    return int(memory["used_memory"] - memory["mem_clients_normal"])


def _cpu_us(client: redis.Redis) -> float:
    used = client.info("cpu")
    return float(used["used_cpu_user_main_thread"] + used["used_cpu_sys_main_thread"]) * 1e6


def lines(count: int) -> Iterator[str]:
    """Yield a row of a Markdown table for each kind."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        url = stack.enter_context(redis_server.running())
        client = stack.enter_context(redis.Redis.from_url(url))
        upstream = stack.enter_context(upstreams.running())
        where = servers.place(url, upstream, folder)
        config = folder / "gateway.toml"
        # The log of the newest requests would count as the responses' memory.
        config.write_text(f"{config.read_text()}\n[storage]\nrequest_log = 0\n")
        server = stack.enter_context(servers.gateway(where, 1))
        stack.enter_context(brief(where.env, folder))
        session = stack.enter_context(requests.Session())
        session.trust_env, session.headers["Authorization"] = False, f"Bearer {server.key}"
        caller = Caller(server, upstream, session)
        for number, kind in enumerate((KINDS[0], *KINDS)):
            size = measured(caller, client, kind, count if number else 200, number * 1_000_000)
            if number:  # the first round is warm-up
                yield (
                    f"| {kind.name} | {size['json']:,.0f} | {size['redis']:,.0f} "
                    f"| {size['redis'] / 1000:.1f} GB | {size['cpu_us']:.0f} µs |"
                )


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.redis_cost", description=__doc__)
    parser.add_argument("--count", type=int, default=COUNT, help="number of responses of each kind")
    given = parser.parse_args(argv)
    head = ("kind", "its JSON, bytes", "in Redis, bytes", "a million", "CPU of Redis")
    sys.stdout.write(f"| {' | '.join(head)} |\n{'|---' * len(head)}|\n")
    for line in lines(given.count):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
