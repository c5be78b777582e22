"""Redis serves reads and refuses writes: what each endpoint answers, and what becomes of answers.

Three gateways share the Redis: `here` and `there` are the same environment on two machines, the
`stranger` is another environment (a prefix of its own) whose SPOOL_DIR is that of `here`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import redis
import requests

from app.domain.ids import tag_of
from tests.e2e import gateway as gateways
from tests.e2e.config import gateway_toml
from tests.e2e.faults import UPSTREAM_KEY
from tests.e2e.gateway import Gateway, Keys
from tests.e2e.wire import stream_of
from tests.processes import until
from tests.redis_refusals import REFUSALS, Refusing
from tests.redis_server import running
from tests.upstream.client import Upstream
from tests.upstream.script import Script

STRANGER_PREFIX = "stranger:"
PARENT = "/v1/responses/{parent}"
SPOOLED = "/v1/responses/{spooled}"
TURN = "/v1/responses/{turn}"
JOB = "/v1/responses/{job}"


@dataclass(frozen=True, slots=True)
class Row:
    """A request, and the status that it gets while writes are refused.

    `retries` says that it names a time after which to ask again.
    """

    name: str
    method: str
    path: str
    status: int
    body: dict[str, Any] | None = None
    key: str = "own"
    at: str = "here"
    retries: bool = False


def post(name: str, status: int, **body: Any) -> Row:
    """Return the row of a POST that makes a response."""
    parameters = {"model": "steady", "input": "hello"} | body
    return Row(name, "POST", "/v1/responses", status, parameters, retries=status == 503)


def item(of: str) -> list[dict[str, str]]:
    """Return an input that refers to an item."""
    return [{"type": "item_reference", "id": f"{{{of}}}"}, {"role": "user", "content": "and?"}]


ROWS = [
    # what is in Redis is read as ever
    Row("get", "GET", PARENT, 200),
    Row("get from another machine", "GET", PARENT, 200, at="there"),
    Row("get as another account", "GET", PARENT, 404, key="foreign"),
    Row("get an unknown one", "GET", "/v1/responses/resp_0123456789", 404),
    Row("list input items", "GET", PARENT + "/input_items", 200),
    Row("get a job that waits", "GET", JOB, 200),
    Row("list a waiting job's input", "GET", JOB + "/input_items", 200),
    Row("models", "GET", "/v1/models", 200),
    Row("one model", "GET", "/v1/models/steady", 200),
    Row("what there is", "GET", "/v1/responses", 200),
    Row("usage", "GET", "/v1/usage", 200),
    Row("usage of a key with limits", "GET", "/v1/usage", 200, key="limited"),
    Row("a key that nobody has", "GET", "/v1/models", 401, key="unknown"),
    Row("probe of the process", "GET", "/healthz", 200, key="none"),
    Row("probe of the gateway", "GET", "/readyz", 200, key="none"),
    Row("metrics", "GET", "/metrics", 200, key="none"),
    Row("the schema", "GET", "/openapi.json", 200, key="none"),
    # what is to be stored is spooled
    post("store", 200),
    post("stream and store", 200, stream=True),
    post("continue", 200, previous_response_id="{parent}"),
    post("refer to an item", 200, input=item("parent_item")),
    post("store nothing", 200, store=False),
    post("stream and store nothing", 200, store=False, stream=True),
    post("continue and store nothing", 200, store=False, previous_response_id="{parent}"),
    Row("store with limits", "POST", "/v1/responses", 200, post("", 0).body, key="limited"),
    post("a mistake", 400, temperature=9),
    # what would have to be changed in Redis is not
    post("background", 503, background=True),
    Row("delete", "DELETE", PARENT, 503, retries=True),
    Row("delete an unknown one", "DELETE", "/v1/responses/resp_0123456789", 404),
    Row("cancel what was not in the background", "POST", PARENT + "/cancel", 400),
    Row("cancel a job that waits", "POST", JOB + "/cancel", 503, retries=True),
    Row("delete a job that waits", "DELETE", JOB, 503, retries=True),
    # what waits in the spool
    Row("get what is spooled", "GET", SPOOLED, 200),
    Row("get what is spooled as another account", "GET", SPOOLED, 404, key="foreign"),
    Row("get what is spooled elsewhere", "GET", SPOOLED, 404, at="there"),
    Row("stream what is spooled", "GET", SPOOLED + "?stream=true", 400),
    Row("list the input of what is spooled", "GET", SPOOLED + "/input_items", 200),
    Row("list the input of a later turn", "GET", TURN + "/input_items", 503, retries=True),
    Row("get a later turn", "GET", TURN, 200),
    Row("cancel what is spooled", "POST", SPOOLED + "/cancel", 400),
    Row("delete what is spooled", "DELETE", SPOOLED, 503, retries=True),
    post("continue what is spooled", 503, previous_response_id="{spooled}"),
    post("refer to an item that is spooled", 503, input=item("spooled_item")),
]


@dataclass(slots=True)
class Seen:
    """What a fault did: answers by their row's name, and what is looked at besides."""

    answers: dict[str, requests.Response] = field(default_factory=dict)
    spooled: list[str] = field(default_factory=list)
    readyz: dict[str, Any] = field(default_factory=dict)
    metrics: str = ""
    strangers: dict[str, list[str]] = field(default_factory=dict)
    continued: int = 0
    lines: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class House:
    """The Redis and its gateways. `secrets` are keys by name."""

    redis: Refusing
    here: Gateway
    there: Gateway
    stranger: Gateway
    secrets: dict[str, str]
    spool: Path

    def ask(self, row: Row, known: dict[str, str]) -> requests.Response:
        """Make a row's request."""
        gateway = self.here if row.at == "here" else self.there
        body = row.body and filled(row.body, known)
        path = row.path.format(**known)
        return gateway.call(row.method, path, body, key=self.secrets.get(row.key))

    def files(self) -> list[str]:
        """Return the names of the answers that wait in the spool of `here`."""
        store: Any = self.redis.client.get(f"{gateways.REDIS_PREFIX}store_id")
        return sorted(path.name for path in (self.spool / store.decode()).glob("*.turn"))


def filled(value: Any, known: dict[str, str]) -> Any:
    """Return JSON with the ids that are known filled in."""
    match value:
        case str():
            return value.format(**known)
        case list():
            return [filled(each, known) for each in value]
        case dict():
            return {name: filled(each, known) for name, each in value.items()}
        case _:
            return value


@pytest.fixture(scope="module")
def house(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house whose Redis is its own; no worker runs beside it."""
    home = tmp_path_factory.mktemp("refusing")
    for name in ("redis", "here", "there", "stranger", "spool"):
        (home / name).mkdir()
    config = home / "gateway.toml"
    config.write_text(gateway_toml(upstream.places, keepalive_s=15))
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(running(directory=home / "redis"))
        client = stack.enter_context(redis.Redis.from_url(url))
        env = gateways.environment(url, config, UPSTREAM_KEY=UPSTREAM_KEY)
        other = env | {"REDIS_PREFIX": STRANGER_PREFIX, "SPOOL_DIR": str(home / "spool")}
        names = [("own", env), ("foreign", env), ("limited", env), ("strange", other)]
        made = [gateways.keys(env, *_arguments(name)) for name, env in names]
        secrets = {name: key["key"] for (name, _), key in zip(names, made, strict=True)}
        own = Keys(secrets["own"], secrets["foreign"])
        strange = Keys(secrets["strange"], secrets["strange"])
        with ThreadPoolExecutor() as pool:

            def start(env: dict[str, str], keys: Keys, name: str, workers: str) -> Gateway:
                return stack.enter_context(gateways.running(env, keys, home / name, workers, 1))

            begun = [
                pool.submit(start, env | {"SPOOL_DIR": str(home / "spool")}, own, "here", "gevent"),
                pool.submit(start, env, own, "there", "gthread"),
                pool.submit(start, other, strange, "stranger", "gthread"),
            ]
            here, there, stranger = [each.result() for each in begun]
        unknown = secrets["own"][:-1] + ("a" if secrets["own"][-1] != "a" else "b")
        server = Refusing(client, home / "redis")
        spool = home / "spool"
        yield House(server, here, there, stranger, secrets | {"unknown": unknown}, spool)


def _arguments(name: str) -> list[str]:
    account = "acme" if name in ("own", "strange") else name
    return ["create", "--account", account, *(["--rpm", "1000"] if name == "limited" else [])]


#: What tells them apart, tests/store/test_refused_writes.py has tried: two do here.
FIRST = ("OOM", "READONLY")


@pytest.fixture(
    scope="module",
    params=[
        each if each in FIRST else pytest.param(each, marks=pytest.mark.thorough)
        for each in REFUSALS
    ],
)
def fault(request: pytest.FixtureRequest) -> str:
    """Each way to refuse in turn."""
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def seen(house: House, upstream: Upstream, fault: str) -> Seen:
    """What happens while Redis refuses writes, and afterwards."""
    seen, began = Seen(), len(house.here.log_lines())
    parent = house.here.create("hello")
    job = house.here.call(
        "POST", "/v1/responses", {"model": "steady", "input": "hi", "background": True}
    )
    known = {
        "parent": parent["id"],
        "parent_item": parent["output"][0]["id"],
        "job": job.json()["id"],
    }
    with REFUSALS[fault](house.redis):
        _refused(house, seen, known)
    _afterwards(house, seen, known)
    seen.lines = house.here.log_lines()[began:]
    return seen


def _refused(house: House, seen: Seen, known: dict[str, str]) -> None:
    with ThreadPoolExecutor() as pool:
        first = pool.submit(house.here.create, "spooled")
        strange = pool.submit(house.stranger.create, "strange")
    spooled = first.result()
    turn = house.here.create("more", previous_response_id=known["parent"])
    known |= {"spooled": spooled["id"], "turn": turn["id"], "strange": strange.result()["id"]}
    known["spooled_item"] = spooled["output"][0]["id"]
    for row in ROWS:
        seen.answers[row.name] = house.ask(row, known)
    seen.spooled = house.files()
    seen.readyz = seen.answers["probe of the gateway"].json()
    seen.metrics = house.here.call("GET", "/metrics", key=None).text


def _afterwards(house: House, seen: Seen, known: dict[str, str]) -> None:
    # The other machine delivers nothing of this one: what is found there came by the timer.
    for name in ("spooled", "turn"):
        until(lambda name=name: house.there.get(known[name]).status_code == 200, f"the {name}")  # type: ignore[misc]  # of the loop
    until(lambda: house.stranger.get(known["strange"]).status_code == 200, "the stranger's")
    until(lambda: not house.files(), "the spool to be empty")
    body = {"model": "steady", "input": "and?", "previous_response_id": known["spooled"]}
    seen.continued = house.there.call("POST", "/v1/responses", body).status_code
    for name in ("spooled", "strange"):
        tag = tag_of(known[name])
        seen.strangers[name] = sorted(
            key.decode().partition(":")[0] for key in house.redis.client.scan_iter(f"*{{{tag}}}")
        )


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_while_writes_are_refused_each_request_gets_its_answer(seen: Seen, row: Row) -> None:
    answer = seen.answers[row.name]
    assert answer.status_code == row.status, answer.text


@pytest.mark.parametrize("row", [row for row in ROWS if row.retries], ids=lambda row: row.name)
def test_what_cannot_be_done_now_says_when_to_ask_again(seen: Seen, row: Row) -> None:
    answer = seen.answers[row.name]
    assert answer.json()["error"]["code"] == "storage_unavailable"
    assert int(answer.headers["Retry-After"]) >= 1


def test_a_stream_ends_whole(seen: Seen) -> None:
    for name in ("stream and store", "stream and store nothing"):
        assert stream_of(seen.answers[name].content).last["type"] == "response.completed"


def test_readiness_says_that_only_reads_are_served(seen: Seen, fault: str) -> None:
    assert seen.readyz["checks"]["store"] == "read_only"
    assert seen.readyz["reasons"]["store"].startswith(fault)


def test_what_is_spooled_is_counted(seen: Seen) -> None:
    assert f"gateway_spooled {len(seen.spooled)}.0" in seen.metrics


def test_the_log_says_why_an_answer_was_spooled(seen: Seen, fault: str) -> None:
    reasons = [line["reason"] for line in seen.lines if line["event"] == "response_spooled"]
    assert reasons
    assert all(reason.startswith(fault) for reason in reasons)


def test_what_was_spooled_can_be_continued_on_another_machine_afterwards(seen: Seen) -> None:
    assert seen.continued == 200


def test_what_was_spooled_came_to_its_own_environment_alone(seen: Seen) -> None:
    assert seen.strangers == {"spooled": ["e2e"], "strange": ["stranger"]}


def test_without_a_spool_it_says_so_and_what_is_lost_is_refused_and_counted(
    house: House, upstream: Upstream, tmp_path: Path
) -> None:
    nowhere = tmp_path / "a-file"
    nowhere.write_text("")
    redis_path = house.redis.client.connection_pool.connection_kwargs["path"]
    config = tmp_path / "gateway.toml"
    config.write_text(gateway_toml(upstream.places, keepalive_s=15))
    env = gateways.environment(f"unix://{redis_path}", config, UPSTREAM_KEY=UPSTREAM_KEY)
    env |= {"SPOOL_DIR": str(nowhere / "spool")}
    with gateways.running(env, house.here.keys, tmp_path, "gthread", 1) as gateway:
        assert gateway.logged(event="spool_unwritable")["reason"] == "Not a directory"
        ready = gateway.call("GET", "/readyz", key=None).json()
        assert ready["checks"]["spool"] == "unwritable"
        gateway.create("hello")
        with REFUSALS["NOREPLICAS"](house.redis):
            assert gateway.call("GET", "/readyz", key=None).status_code == 503
            lost = gateway.call("POST", "/v1/responses", {"model": "steady", "input": "hi"})
            assert (lost.status_code, lost.headers["x-should-retry"]) == (503, "false")
            tag = "nowhere to keep it"
            body = {"model": "steady", "input": Script(tag=tag).text()}
            refused = gateway.call("POST", "/v1/responses", body)
            assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
            assert "x-should-retry" not in refused.headers
            assert upstream.requests(tag) == []
            assert gateway.call("POST", "/v1/responses", body | {"store": False}).ok
        assert "gateway_spool_lost_total 1.0" in gateway.call("GET", "/metrics", key=None).text
        until(lambda: gateway.call("POST", "/v1/responses", body).ok, "it to be stored again")
