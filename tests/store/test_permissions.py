"""What the gateway's user of Redis must be allowed: examined without executing it, and complete."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dramatiq.brokers.redis as dramatiq_redis
import pytest
import redis
from structlog.testing import capture_logs

from app.errors import StorageUnavailable
from app.factory import create_app
from app.settings import RedisSettings, Settings
from app.store.connection.client import Client, connect
from app.store.connection.reasons import reason
from app.store.connection.script import _CALLED, Script
from app.store.permissions import PermissionCheck, Refusals, _commands
from app.store.spool.store_identity import StoreIdentity
from app.telemetry import occasions
from tests.redis_server import running

ROOT = Path(__file__).parents[2]
DOCUMENTED = ROOT / "docs" / "deployment.md"
#: Commands that the gateway can do without, each with where that is decided.
OPTIONAL = {
    "BGREWRITEAOF",  # RedisArchive.rewrite says that Redis refuses it
    "BGSAVE",
    "CLIENT",  # GuardedConnection: it has no name then
    "CONFIG",  # checks.py
    "INFO",
    "MEMORY",  # chain.lua estimates without it
}
#: Commands of some set-ups: behind Sentinels. Those of Sentinels are executed by another user.
OF_SETUPS = {"ROLE", "SENTINEL"}
#: What dramatiq's program only does where it has maintenance to do: never here (WakeUpBroker).
OF_MAINTENANCE = {"KEYS"}
#: A method of redis-py that sends nothing, and a code of errors.
NAMESAKES = {"PUBSUB", "READONLY"}
COMMANDS = [name for name, _ in _commands("rg:", waits=True) if " " not in name]
#: Names of redis-py's clients and pipelines in the code.
CLIENTS = re.compile(r"(redis|client|node|pipeline|listener|ear)$")


@contextmanager
def restricted(*rules: str, options: tuple[str, ...] = ()) -> Iterator[Client]:
    with running(*options) as url, redis.Redis.from_url(url) as operator:
        operator.execute_command("ACL", "SETUSER", "gw", "on", ">pw", *rules)
        with connect(RedisSettings(url=url.replace("unix://", "unix://gw:pw@"))) as client:
            yield client


ALL = ("~rg:*", "&*", "+@all")


def in_lua() -> set[str]:
    texts = [each.read_text("utf-8") for each in (ROOT / "app").rglob("*.lua")]
    folder = Path(str(dramatiq_redis.__file__)).parent / "redis"
    texts += [each.read_text("utf-8") for each in folder.parent.glob("**/dispatch.lua")]
    assert len(texts) > 80
    return {name.upper() for text in texts for name in _CALLED.findall(text)}


def in_python(known: set[str]) -> set[str]:
    """Return the commands of tuples such as ("ZADD", key, …), and of redis-py's methods."""
    found: set[str] = set()
    for file in [*(ROOT / "app/store").rglob("*.py"), *(ROOT / "app/jobs").rglob("*.py")]:
        if file.name != "permissions.py":
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                found.update(_named(node))
    return found & known


def _named(node: ast.AST) -> Iterator[str]:
    first: Any = None
    if isinstance(node, ast.Tuple) and len(node.elts) > 1:
        first = node.elts[0]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr in ("execute_command", "send_command"):
            first = node.args[0]
        elif CLIENTS.search(_root(node.func.value)):
            yield node.func.attr.removesuffix("_iter").upper().replace("CONFIG_GET", "CONFIG")
    if isinstance(first, ast.Constant) and isinstance(first.value, str):
        yield first.value


def _root(node: ast.expr) -> str:
    """Return the name behind which a method is called: `pipeline` of `pipeline.get(a).hget(b)`."""
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        node = node.func.value
    return getattr(node, "attr", getattr(node, "id", ""))


def test_the_list_has_each_command_of_the_code_and_no_other(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        known = {name.upper() for name in client.command()}
    used = in_lua() | in_python(known) | {"EVAL"}
    assert set(COMMANDS) == used - OPTIONAL - OF_SETUPS - OF_MAINTENANCE - NAMESAKES


def test_the_documented_user_has_what_is_needed_and_no_more() -> None:
    block = DOCUMENTED.read_text("utf-8").partition("ACL SETUSER gateway on >PASSWORD ")[2]
    rules = block.partition("```")[0].replace("\\", " ").split()
    needed = {f"+{name.lower()}" for name in COMMANDS} - {"+wait"}
    assert set(rules) == {"~rg:*", "resetchannels", "&rg:*", "-@all", "+multi", "+discard", *needed}
    with restricted(*rules) as client:
        assert PermissionCheck(client, "rg:", waits=False).refusals() == Refusals()


def test_a_forbidden_command_is_named(shared: tuple[Any, Client]) -> None:
    operator, client = shared
    examined = PermissionCheck(client, "rg:", waits=True)
    for name in COMMANDS:
        operator.execute_command("ACL", "SETUSER", "gw", f"-{name}")
        assert examined.refusals() == Refusals(forbidden=(name,))
        operator.execute_command("ACL", "SETUSER", "gw", f"+{name}")


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[Any, Client]]:
    with running() as url, redis.Redis.from_url(url) as operator:
        operator.execute_command("ACL", "SETUSER", "gw", "on", ">pw", *ALL)
        with connect(RedisSettings(url=url.replace("unix://", "unix://gw:pw@"))) as client:
            yield operator, client


def test_nothing_is_executed(shared: tuple[Any, Client]) -> None:
    operator, client = shared
    with operator.pubsub() as ear:
        ear.psubscribe("*")
        assert ear.get_message(timeout=1)["type"] == "psubscribe"
        assert str(PermissionCheck(client, "rg:", waits=True).refusals()) == ""
        assert ear.get_message(timeout=0.1) is None
    assert operator.dbsize() == 0
    assert client.ping()  # the connection is no longer in a transaction


def test_a_connection_that_redis_closed_meanwhile_is_reopened(shared: tuple[Any, Client]) -> None:
    operator, client = shared
    assert client.ping()
    operator.client_kill_filter(_type="normal", skipme=True)
    assert PermissionCheck(client, "rg:", waits=True).refusals() == Refusals()


def test_patterns_that_leave_out_keys_or_channels_are_named() -> None:
    with restricted("~rg:{*", "resetchannels", "&rg:news", "+@all") as client:
        found = PermissionCheck(client, "rg:", waits=False).refusals()
    assert "key rg:deleted" in found.forbidden
    assert "channel rg:news:streams" in found.forbidden
    assert not [each for each in found.forbidden if each.startswith(("key rg:{", "GET"))]


def test_wait_is_needed_by_those_who_wait_for_replicas() -> None:
    with restricted(*ALL, "-wait") as client:
        assert PermissionCheck(client, "rg:", waits=False).refusals().forbidden == ()
        assert PermissionCheck(client, "rg:", waits=True).refusals().forbidden == ("WAIT",)


def test_a_renamed_command_is_named() -> None:
    options = ("--rename-command", "LPOS", "", "--rename-command", "HSETNX", "other")
    with restricted(*ALL, options=options) as client:
        found = PermissionCheck(client, "rg:", waits=False)
        assert found.refusals().unknown == ("LPOS", "HSETNX")
        with pytest.raises(StorageUnavailable) as caught:
            found.require()
    assert reason(caught.value) == "Redis does not know LPOS, HSETNX"


def test_without_transactions_nothing_is_examined_or_executed() -> None:
    with restricted(*ALL, "-multi", "-hget") as client:
        found = PermissionCheck(client, "rg:", waits=False).refusals()
        assert (found.is_unexamined, str(found)) == (True, "")
        assert client.dbsize() == 0


def test_a_transaction_that_may_not_be_discarded_ends_with_its_connection() -> None:
    with restricted(*ALL, "-discard") as client:
        assert str(PermissionCheck(client, "rg:", waits=False).refusals()) == ""
        assert client.ping()


@pytest.mark.parametrize(
    ("rule", "line", "what"),
    [
        ("-hexists", "redis.call('HEXISTS', KEYS[1], 'a')", "HEXISTS"),
        ("+get", "redis.call('GET', 'other')", "a key outside its patterns"),
        ("+get", "redis.call('PUBLISH', 'x', 1)", "a channel outside its patterns"),
    ],
)
def test_the_reason_names_a_command_that_stops_a_program(rule: str, line: str, what: str) -> None:
    program = Script(f"redis.call('SET', KEYS[1], 1)\n{line}")
    with restricted("~rg:*", "resetchannels", "&rg:*", "+@all", rule) as client:
        with pytest.raises(redis.ResponseError) as caught:
            program(["rg:a"], []).run(client)
        fault = StorageUnavailable("…")
        fault.__cause__ = caught.value
    assert reason(fault).startswith("NOPERM: the user of Redis may not do this: ")
    assert reason(fault).endswith(what)  # Redis up to 7.0 also tells the command


def test_a_missing_permission_is_logged_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(occasions, "_last", {})
    with restricted(*ALL, "-get") as client, capture_logs() as lines:
        for _ in range(2):
            with pytest.raises(StorageUnavailable):
                StoreIdentity(client, "rg:").look()
    assert [(line["event"], line["reason"]) for line in lines] == [
        ("storage_forbidden", "NOPERM: the user of Redis may not do this: GET")
    ]


def test_a_gateway_that_lacks_a_permission_is_not_ready(tmp_path: Path) -> None:
    with running() as url, redis.Redis.from_url(url) as operator:
        operator.execute_command("ACL", "SETUSER", "gw", "on", ">pw", *ALL)
        (tmp_path / "gateway.toml").write_text("[background]\nenabled = false\n", "utf-8")
        settings = Settings.from_env(
            {
                "REDIS_URL": url.replace("unix://", "unix://gw:pw@"),
                "REDIS_PREFIX": "rg:",
                "GATEWAY_CONFIG": str(tmp_path / "gateway.toml"),
                "SPOOL_DIR": str(tmp_path / "spool"),
            }
        )
        client = create_app(settings).test_client()
        found = []
        for rule in ("+incrby", "-incrby", "+incrby"):
            operator.execute_command("ACL", "SETUSER", "gw", rule)
            answer = client.get("/readyz")
            found.append((answer.status_code, answer.get_json()["reasons"]))
    lack = {"store": "NOPERM: the user of Redis may not use INCRBY"}
    assert found == [(200, {}), (503, lack), (200, {})]
