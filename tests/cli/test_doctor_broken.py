"""`doctor` on set-ups that are broken: each is named with its cause and what mends it."""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import orjson
import pytest
import redis
from click.testing import CliRunner, Result

from app.cli.doctor import host
from app.cli.doctor.command import doctor
from app.settings import RedisSettings
from app.settings.variables.network import CA_VARIABLES, PROXY_VARIABLES
from app.store.connection.client import connect
from app.store.jobs.redis import RedisJobStore
from app.store.responses.redis import RedisStore
from app.store.spool.files import Spool
from app.store.spool.store_identity import StoreIdentity
from tests.processes import free_port
from tests.providers.raw_server import RawServer, Script, Wire
from tests.redis_server import running
from tests.store.turns import WRAPPING, turn
from tests.tokens import ed_key, jwk, key_set

QUIET = "[background]\nenabled = false\n"
HOUSE = '[providers.house]\napi = "chat_completions"\nbase_url = "{url}"\n'


@dataclass
class Setup:
    """Where `doctor` is run: a folder with a gateway.toml, and an environment."""

    folder: Path
    stack: ExitStack
    environ: dict[str, str | None] = field(default_factory=dict)
    text: str = QUIET

    def own_redis(self, *options: str) -> str:
        """Have a Redis of its own; return its URL."""
        url = self.stack.enter_context(running("--appendonly", "yes", *options))
        self.environ["REDIS_URL"] = url
        return url

    def operator(self) -> redis.Redis:
        return redis.Redis.from_url(str(self.environ["REDIS_URL"]))

    def server(self, script: Script) -> RawServer:
        return self.stack.enter_context(RawServer(script))

    def run(self, *options: str) -> Result:
        (self.folder / "gateway.toml").write_text(self.text, "utf-8")
        if "REDIS_URL" not in self.environ:
            self.own_redis()
        return CliRunner().invoke(doctor, options, env=self.environ)


@pytest.fixture
def setup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Setup]:
    monkeypatch.chdir(tmp_path)
    for name in (*PROXY_VARIABLES, "no_proxy", *CA_VARIABLES):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    with ExitStack() as stack:
        yield Setup(tmp_path, stack)


def answering(body: object, head: bytes = b"HTTP/1.1 200 OK\r\n") -> Script:
    def script(wire: Wire) -> None:
        wire.hear()
        wire.answer(orjson.dumps(body), head)

    return script


def full(setup: Setup) -> None:
    setup.own_redis()
    setup.operator().config_set("maxmemory", "1")


def refusing(setup: Setup) -> None:
    setup.own_redis("--min-replicas-to-write", "1")


def evicting(setup: Setup) -> None:
    setup.own_redis("--maxmemory", "1gb", "--maxmemory-policy", "allkeys-lru")


def forgetful(setup: Setup) -> None:
    setup.environ["REDIS_URL"] = setup.stack.enter_context(running())


def wrong_login(setup: Setup) -> None:
    url = setup.own_redis()
    setup.operator().config_set("requirepass", "right")
    setup.environ["REDIS_URL"] = url.replace("unix://", "unix://:hunter222@")


def without_login(setup: Setup) -> None:
    setup.own_redis()
    setup.operator().config_set("requirepass", "right")


def unreachable(setup: Setup) -> None:
    setup.environ["REDIS_URL"] = f"redis://user:hunter222@127.0.0.1:{free_port()}"


def forbidding(setup: Setup) -> None:
    url = setup.own_redis()
    rules = ("on", ">hunter222", "~rg:*", "&*", "+@all", "-hexists", "-incrby")
    operator: Any = setup.operator()
    operator.execute_command("ACL", "SETUSER", "gw", *rules)
    setup.environ["REDIS_URL"] = url.replace("unix://", "unix://gw:hunter222@")


def lacking(setup: Setup) -> None:
    setup.own_redis("--rename-command", "GETDEL", "", "--rename-command", "INFO", "")


def no_such_database(setup: Setup) -> None:
    setup.environ["REDIS_URL"] = setup.own_redis() + "?db=99"


def another_server(setup: Setup) -> None:
    def script(wire: Wire) -> None:
        wire.sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    port = setup.server(script).port
    setup.environ["REDIS_URL"] = f"redis://127.0.0.1:{port}"


def with_byte_order_mark(setup: Setup) -> None:
    setup.text = "\ufeff[requests]\nkeep_alive_s = 15\n"


def bad_url(setup: Setup) -> None:
    setup.environ["REDIS_URL"] = "rediss://:hunter222@redis?ssl_ca_cert=/ca.pem"


def skewed(setup: Setup) -> None:
    real = time.time
    setup.stack.enter_context(
        patch("app.store.connection.checks.clock_offsets.__defaults__", (lambda: real() - 90,))
    )


def without_worker(setup: Setup) -> None:
    setup.text = ""


def beating(idle_s: float) -> Callable[[Setup], None]:
    """Have a worker send a heartbeat, whose threads have been idle so long."""

    def beat(setup: Setup) -> None:
        setup.text = ""
        with connect(RedisSettings(url=setup.own_redis())) as client:
            jobs = RedisJobStore(client, "rg:", RedisStore(client, "rg:"), 30, WRAPPING)
            jobs.renew([], idle_s)

    return beat


def gone_worker(setup: Setup) -> None:
    beating(0)(setup)
    client = setup.operator()
    for name in ("alive", "beat"):
        client.decrby(f"rg:{{jobs}}:{name}", 3_600_000)


def unwritable(setup: Setup) -> None:
    (setup.folder / "file").write_text("", "utf-8")
    setup.environ["SPOOL_DIR"] = str(setup.folder / "file" / "spool")


def crowded(setup: Setup) -> None:
    setup.stack.enter_context(patch.object(host, "LITTLE_ROOM", 1 << 62))


def waiting(setup: Setup) -> None:
    url = setup.own_redis()
    with connect(RedisSettings(url=url)) as client:
        own = StoreIdentity(client, "rg:").read()
    Spool(setup.folder / "data" / "spool" / own).put(turn())


def nobody_listens(setup: Setup) -> None:
    setup.text += HOUSE.format(url="http://127.0.0.1:1/v1")


def wrong_path(setup: Setup) -> None:
    server = setup.server(answering({"detail": "Not Found"}, b"HTTP/1.1 404 Not Found\r\n"))
    setup.text += HOUSE.format(url=f"{server.url}/api")


def refused_key(setup: Setup) -> None:
    head = b"HTTP/1.1 401 Unauthorized\r\n"
    server = setup.server(answering({"error": {"message": "bad hunter222"}}, head))
    setup.text += HOUSE.format(url=server.url) + 'api_key_env = "KEY"\n'
    setup.environ["KEY"] = "hunter222"


def unknown_model(setup: Setup) -> None:
    server = setup.server(answering({"data": [{"id": "llama-4-maverick"}]}))
    setup.text += HOUSE.format(url=server.url)
    setup.text += '[models."best"]\nprovider = "house"\nupstream_model = "llama-4-mavrick"\n'


def other_profile(setup: Setup) -> None:
    server = setup.server(answering({"data": [{"id": "m", "owned_by": "vllm"}]}))
    setup.text += HOUSE.format(url=server.url) + 'profile = "ollama"\n'


def closed_proxy(
    setup: Setup, head: bytes = b"HTTP/1.1 407 Proxy Authentication Required\r\n"
) -> None:
    port = setup.server(answering("", head)).port
    setup.text += HOUSE.format(url="https://house.test/v1")
    setup.text += f'proxy = "http://user:hunter222@127.0.0.1:{port}"\n'


def closed_proxy_of_http(setup: Setup) -> None:
    closed_proxy(setup)
    setup.text = setup.text.replace("https://house.test", "http://house.test")


def forbidding_proxy(setup: Setup) -> None:
    closed_proxy(setup, b"HTTP/1.1 403 Forbidden\r\n")


def unused_proxy(setup: Setup) -> None:
    setup.environ["HTTPS_PROXY"] = "http://user:hunter222@proxy:3128"


def few_descriptors(setup: Setup) -> None:
    setup.stack.enter_context(patch.object(resource, "getrlimit", lambda _: (256, 256)))


def bad_file(setup: Setup) -> None:
    setup.text = "[requests]\nkeep_alive_s = 15\n"


def no_toml(setup: Setup) -> None:
    setup.text = "[requests\nkeepalive_s = 15\n"


def keyless_variable(setup: Setup) -> None:
    setup.text += HOUSE.format(url="http://127.0.0.1:1/v1") + 'api_key_env = "KEY"\n'


def issuer_away(setup: Setup) -> None:
    head = '[[auth.jwt]]\nname = "corp"\nissuer = "https://i"\naudience = "a"\n'
    setup.text += head + 'jwks_url = "http://127.0.0.1:1/jwks"\n'


def issuer_of_other_keys(setup: Setup) -> None:
    (setup.folder / "keys.json").write_bytes(key_set(jwk(ed_key())))
    head = '[[auth.jwt]]\nname = "corp"\nissuer = "https://i"\naudience = "a"\n'
    setup.text += head + 'jwks_file = "keys.json"\n'


#: What is broken; what is found; its state; words of the cause; words of the remedy.
TABLE: dict[str, tuple[Callable[[Setup], None], str, str, str, str]] = {
    "Redis is full": (full, "writes", "failed", "memory of Redis is full", "raise its maxmemory"),
    "Redis is nearly full": (full, "redis", "warning", "of its maxmemory", "responses purge"),
    "Redis refuses writes": (refusing, "writes", "failed", "NOREPLICAS", "min-replicas-to-write"),
    "Redis evicts": (evicting, "redis", "warning", "throws data away", "noeviction"),
    "Redis keeps nothing": (forgetful, "redis", "warning", "nothing on disk", "appendonly"),
    "wrong login": (wrong_login, "redis", "failed", "WRONGPASS", "password in REDIS_URL"),
    "no login": (without_login, "redis", "failed", "NOAUTH", "USER:PASSWORD@HOST"),
    "Redis is unreachable": (unreachable, "redis", "failed", "Connection refused", "the address"),
    "Redis forbids a command": (
        forbidding,
        "permissions",
        "failed",
        "may not use HEXISTS, INCRBY",
        "+@all -@admin",
    ),
    "Redis lacks a command": (lacking, "permissions", "failed", "know GETDEL", "6.2 or newer"),
    "no such database": (no_such_database, "redis", "failed", "no database", "behind the slash"),
    "another server": (another_server, "redis", "failed", "is not Redis", "the address"),
    "a Redis URL with a typo": (bad_url, "settings", "failed", "did you mean", "the variable"),
    "clocks apart": (skewed, "clock", "failed", "90 s behind Redis", "NTP"),
    "no worker": (without_worker, "worker", "failed", "none has ever run", "start one"),
    "a worker that is gone": (gone_worker, "worker", "failed", "for 360", "start it anew"),
    "a wedged worker": (beating(100), "worker", "failed", "taken no job for 10", "restart it"),
    "a worker that never began": (beating(-1), "worker", "failed", "no job ever", "restart it"),
    "spool unwritable": (unwritable, "spool", "warning", "Not a directory", "SPOOL_DIR"),
    "spool disk full": (crowded, "spool", "warning", "MB left", "make room"),
    "answers wait": (waiting, "spool", "warning", "for this Redis: 1", "delivers them"),
    "provider away": (
        nobody_listens,
        "house",
        "failed",
        "Connection refused (GET http://127.0.0.1:1/v1/models)",
        "base_url is right",
    ),
    "wrong base_url": (wrong_path, "house", "failed", "/v1/api/models", "usually ends in /v1"),
    "wrong credential": (refused_key, "house", "failed", "401", "renew the key"),
    "unknown model": (
        unknown_model,
        "house",
        "warning",
        "wants llama-4-mavrick, which is not in its list of models (did you mean llama-4-maverick",
        "mend it",
    ),
    "another profile": (other_profile, "house", "warning", "reports that it is vllm", "profile ="),
    "proxy wants a login": (closed_proxy, "house", "failed", "HTTP 407", "USER:PASSWORD"),
    "... for http://": (closed_proxy_of_http, "house", "failed", "HTTP 407", "USER:PASSWORD"),
    "proxy forbids it": (forbidding_proxy, "house", "failed", "HTTP 403", "login or rules"),
    "proxy not used": (unused_proxy, "proxy", "warning", "HTTPS_PROXY", "use_environment_proxies"),
    "few descriptors": (few_descriptors, "descriptors", "warning", "256 files", "LimitNOFILE"),
    "a setting with a typo": (
        bad_file,
        "settings",
        "failed",
        "gateway.toml, line 2: [requests] keep_alive_s is not a setting (did you mean keep",
        "mend line 2",
    ),
    "... behind a byte order mark": (
        with_byte_order_mark,
        "settings",
        "failed",
        "gateway.toml, line 2: [requests] keep_alive_s is not a setting",
        "mend line 2",
    ),
    "no TOML": (no_toml, "settings", "failed", "gateway.toml, line 1", "check-config"),
    "a variable without a key": (
        keyless_variable,
        "settings",
        "failed",
        "api_key_env names KEY, which holds no key",
        "mend line 6",
    ),
    "issuer away": (issuer_away, "issuer corp", "failed", "127.0.0.1:1/jwks: Conn", "jwks_url"),
    "issuer of other keys": (
        issuer_of_other_keys,
        "issuer corp",
        "failed",
        "has no key for RS256 or ES256",
        "algorithms",
    ),
}  # fmt: skip


@pytest.mark.parametrize("broken", TABLE)
def test_the_cause_and_the_remedy_are_named(broken: str, setup: Setup) -> None:
    make, what, state, cause, remedy = TABLE[broken]
    make(setup)
    result = setup.run("--json")
    findings = [json.loads(line) for line in result.stdout.splitlines()]
    found = [
        (cause in each["detail"], remedy in each["remedy"])
        for each in findings
        if (each["what"], each["state"]) == (what, state)
    ]
    assert (True, True) in found, findings
    assert result.exit_code == int(any(each["state"] == "failed" for each in findings))
    assert "hunter222" not in result.output


def test_what_is_well_has_no_remedy(setup: Setup) -> None:
    setup.text += '[providers.local]\napi = "local"\n'
    result = setup.run("--json")
    findings = [json.loads(line) for line in result.stdout.splitlines()]
    assert {each["what"] for each in findings if each["remedy"]} == {"keys"}
    assert result.exit_code == 0


def test_a_wrong_option_is_no_finding(setup: Setup) -> None:
    assert setup.run("--jsn").exit_code == 2


def test_a_redis_that_tells_nothing_of_itself_is_well(setup: Setup) -> None:
    url = setup.own_redis()
    rules = ("on", ">pw", "~rg:*", "&*", "+@all", "-@admin", "-@dangerous", "-info", "-config")
    operator: Any = setup.operator()
    operator.execute_command("ACL", "SETUSER", "gw", *rules)
    setup.environ["REDIS_URL"] = url.replace("unix://", "unix://gw:pw@")
    setup.text += '[providers.local]\napi = "local"\n'
    result = setup.run("--json")
    redis_found = json.loads(result.stdout.splitlines()[1])
    assert (redis_found["state"], "no INFO for us" in redis_found["detail"]) == ("ok", True)
    assert result.exit_code == 0
