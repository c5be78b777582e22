"""A gateway, a worker and a Redis of which nothing can be read without the caller's key (C6)."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis

from tests import redis_server
from tests.e2e import gateway as gateways
from tests.e2e.config import gateway_toml
from tests.e2e.faults import UPSTREAM_KEY
from tests.e2e.gateway import Gateway, Keys
from tests.processes import until
from tests.redis_plaintext import appended, found_among, found_in, readable
from tests.upstream.client import Upstream
from tests.upstream.script import Call, Script

KEY = os.urandom(32)
HEADER = base64.b64encode(KEY).decode()
WORDS_OF_A_KEY = "correct horse battery staple"
INPUT, OUTPUT, REASONING, CALLED = "xinputx", "xoutputx", "xreasoningx", "xcalledx"
INSTRUCTIONS, TOOLS, METADATA, USER = "xinstructionsx", "xtoolsx", "xmetadatax", "xuserx"
ITEM, PLAIN = "xitemx", "xplainx"
WORDS = (INPUT, OUTPUT, REASONING, CALLED, INSTRUCTIONS, TOOLS, METADATA, USER, ITEM)
SECRETS = [
    *(each.encode() for each in WORDS),
    HEADER.encode(),
    KEY,
    KEY.hex().encode(),
    WORDS_OF_A_KEY.encode(),
]
BODY: dict[str, Any] = {
    "model": "steady",
    "instructions": f"{INSTRUCTIONS} " * 40,
    "metadata": {"place": METADATA},
    "tools": [
        {
            "type": "function",
            "name": "look",
            "description": f"{TOOLS} " * 20,
            "parameters": {"type": "object", "properties": {}},
        }
    ],
    "safety_identifier": USER,
}


@dataclass(frozen=True)
class Site:
    """One gateway with a worker, its Redis with an append-only file, and where its files are."""

    gateway: Gateway
    redis: redis.Redis
    data: Path
    files: Path
    worker_log: Path

    def call(self, method: str, path: str, body: object = None, **headers: str) -> Any:
        """Return the answer to a request with the key, which has to succeed."""
        sent = {"x-encryption-key": HEADER} | headers
        answer = self.gateway.call(method, path, body, headers=sent)  # type: ignore[arg-type]
        assert answer.status_code in (200, 202), answer.text
        return answer

    def create(self, text: str = INPUT, script: Script | None = None, **more: Any) -> Any:
        """Return the answer to a request whose input is this text, or a script."""
        said = text if script is None else script.text()
        return self.call("POST", "/v1/responses", BODY | {"input": said} | more)

    def appended(self) -> bytes:
        """Return all that Redis has appended to its files."""
        files = [path for path in self.data.rglob("*aof*") if path.is_file()]
        return b"".join(path.read_bytes() for path in files)


@pytest.fixture(scope="module")
def site(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    files = tmp_path_factory.mktemp("encrypted")
    (files / "data").mkdir()
    config = files / "gateway.toml"
    config.write_text(gateway_toml(upstream.places, keepalive_s=15))
    options = ("--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction")
    with redis_server.running(*options, directory=files / "data") as url:
        env = gateways.environment(url, config, UPSTREAM_KEY=UPSTREAM_KEY)
        keys = Keys(gateways.make_key("acme", env), gateways.make_key("rival", env))
        worker_log = files / "worker.log"
        with (
            gateways.running(env, keys, files, "gevent", 2) as gateway,
            gateways.running_worker(env, worker_log),
            redis.Redis.from_url(url) as client,
        ):
            yield Site(gateway, client, files / "data", files, worker_log)


def id_of(stream: bytes) -> str:
    return stream.split(b'"id":"', 1)[1].split(b'"', 1)[0].decode()


def threads(site: Site) -> None:
    """Have a conversation of turns, with reasoning, calls and ids of a client's, and its forks."""
    said = {"type": "message", "id": f"msg_{ITEM}", "role": "user", "content": INPUT}
    first = site.create(input=[said]).json()["id"]
    script = Script(
        say=OUTPUT,
        reasoning=REASONING,
        calls=(Call(name="look", arguments=f'{{"a": "{CALLED}"}}', id="call_1"),),
    )
    second = site.create(script=script, previous_response_id=first).json()
    output = {"type": "function_call_output", "call_id": "call_1", "output": f"{CALLED} back"}
    third = site.create(input=[output], previous_response_id=second["id"]).json()["id"]
    site.create(script=Script(say=OUTPUT), previous_response_id=first)
    site.create(input=[{"type": "item_reference", "id": f"msg_{ITEM}"}])
    listed = site.call("GET", f"/v1/responses/{third}/input_items?order=asc&limit=100").json()
    assert INPUT in str(listed)
    assert f"{CALLED} back" in str(listed)
    compacted = site.call(
        "POST", "/v1/responses/compact", {"model": "steady", "previous_response_id": third}
    )
    assert compacted.json()["output"][-1]["type"] == "compaction"
    assert site.call("DELETE", f"/v1/responses/{second['id']}").json()["deleted"]


def streams(site: Site) -> None:
    """Stream a response, and have its stream again; one with a passphrase."""
    stream = site.create(script=Script(say=OUTPUT, reasoning=REASONING), stream=True).content
    again = site.call("GET", f"/v1/responses/{id_of(stream)}?stream=true").content
    assert again == stream
    words = {"x-encryption-passphrase": WORDS_OF_A_KEY}
    made = site.gateway.call("POST", "/v1/responses", BODY | {"input": INPUT}, headers=words)
    path = f"/v1/responses/{made.json()['id']}"
    assert site.gateway.call("GET", path, headers=words).json() == made.json()
    assert site.gateway.call("GET", path).status_code == 404


def retries(site: Site) -> None:
    """Make requests again under one Idempotency-Key each."""
    for number, way in enumerate(({}, {"stream": True}, {"store": False}, {"background": True})):
        keyed = {"Idempotency-Key": f"again-{number}"}
        body = BODY | {"input": Script(say=OUTPUT).text()} | way
        first, again = (site.call("POST", "/v1/responses", body, **keyed) for _ in range(2))
        assert first.content == again.content
        assert again.headers["Idempotent-Replayed"] == "true"


def conversations(site: Site) -> None:
    """Have a conversation with an id, changed by its caller and by responses of all kinds."""
    said = {"type": "message", "role": "user", "content": INPUT}
    begun = {"items": [said], "metadata": {"place": METADATA}}
    made = site.call("POST", "/v1/conversations", begun).json()["id"]
    path = f"/v1/conversations/{made}"
    site.create(script=Script(say=OUTPUT), conversation=made)
    site.create(script=Script(say=OUTPUT), conversation=made, stream=True)
    site.create(script=Script(say=OUTPUT), conversation=made, store=False)
    item = site.call("POST", f"{path}/items", {"items": [said]}).json()["data"][0]["id"]
    site.call("DELETE", f"{path}/items/{item}")
    site.call("POST", path, {"metadata": {"place": f"{METADATA} too"}})
    listed = site.call("GET", f"{path}/items?limit=100").json()["data"]
    assert sum(OUTPUT in str(each) for each in listed) == 6  # the scripts, and what they say


def job(site: Site, upstream: Upstream, ending: str) -> None:
    """Follow a background response to its end, or cancel it in the middle."""
    script = Script(say=(f"{OUTPUT} one", "two"), tag=f"encrypted-{ending}", stall_after=1)
    made = site.create(script=script, background=True).json()["id"]
    path = f"/v1/responses/{made}"
    until(lambda: OUTPUT in site.call("GET", path).json()["output_text"], "output")
    key = next(each for each in site.redis.scan_iter("*:job:*") if made.encode() in each)
    assert site.redis.hexists(key, "key")
    assert found_in(site.redis, SECRETS) == {}  # in the middle of it
    assert OUTPUT in site.call("GET", f"{path}/input_items").text
    if ending == "cancelled":
        assert site.call("POST", f"{path}/cancel").json()["status"] == ending
    upstream.release(script.tag)
    events = site.call("GET", f"{path}?stream=true").content
    assert OUTPUT.encode() in events
    until(lambda: site.call("GET", f"{path}?wait=10").json()["status"] == ending, ending)
    assert not site.redis.exists(key)
    assert site.call("GET", f"{path}?stream=true").content == events


def spooled(site: Site) -> Iterator[tuple[bytes, bytes]]:
    """Have an answer wait on disk while Redis takes no writes; yield what was there, by piece."""
    used = int(site.redis.info("memory")["maxmemory"])
    site.redis.config_set("maxmemory", 1)
    try:
        made = site.create(script=Script(say=OUTPUT)).json()
        (waiting,) = site.files.rglob("*.turn")
        assert waiting.stem == made["id"]
        for piece in (waiting.read_bytes(), *waiting.read_bytes().split(b"\n", 2)):
            yield from readable(b"spool", piece)
        assert site.call("GET", f"/v1/responses/{made['id']}").json() == made
        assert site.gateway.call("GET", f"/v1/responses/{made['id']}").status_code == 404
    finally:
        site.redis.config_set("maxmemory", used)
    until(lambda: not any(site.files.rglob("*.turn")), "the spool to be empty")
    assert site.call("GET", f"/v1/responses/{made['id']}").json() == made


def test_nothing_that_is_said_with_a_key_can_be_read_without_it(
    site: Site, upstream: Upstream
) -> None:
    upstream.reset()
    threads(site)
    streams(site)
    retries(site)
    conversations(site)
    job(site, upstream, "completed")
    job(site, upstream, "cancelled")
    waited = list(spooled(site))
    until(lambda: not list(site.redis.scan_iter("*:job:*")), "all jobs to end")
    logs = site.gateway.log_file.read_bytes() + site.worker_log.read_bytes()
    found = {
        "Redis": found_in(site.redis, SECRETS),
        "the append-only file": found_among(appended(site.appended()), SECRETS),
        "the spool": found_among(waited, SECRETS),
        "the logs": found_among([(b"log", logs)], SECRETS),
    }
    assert found == {place: {} for place in found}
    sent = upstream.requests()
    assert sent
    assert not [each for each in sent if any("encryption" in name for name in each["headers"])]


def test_the_scan_finds_what_is_said_without_a_key(site: Site) -> None:
    answer = site.gateway.create(f"{PLAIN} " * 20)
    # A process that has spooled goes on doing so until it has tried a write itself, up to a second
    # after another process of the gateway has delivered all that waited.
    until(lambda: not any(site.files.rglob("*.turn")), "the spool to be empty")
    assert found_in(site.redis, [PLAIN.encode()])
    assert len(found_among(appended(site.appended()), [PLAIN.encode()])) == 1
    assert site.gateway.get(answer["id"]).status_code == 200
