"""A key that is closed is closed on every process, within a second."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import cache
from http.client import HTTPConnection
from urllib.parse import urlsplit

import psutil
import pytest

from app.domain.accounts.accounts import ApiKey
from app.services.accounts.service import Accounts
from app.settings import LimitSettings, RedisSettings
from app.store.accounts.redis import RedisAccountStore
from app.store.connection.client import connect
from tests.e2e.gateway import REDIS_PREFIX, Gateway
from tests.processes import PATIENCE_S, until

PROCESSES = 2


@pytest.fixture
def accounts(redis_url: str) -> Iterator[Accounts]:
    """The accounts of the gateway, in the hands of an operator on another process."""
    with connect(RedisSettings(url=redis_url)) as client:
        yield Accounts(RedisAccountStore(client, REDIS_PREFIX), LimitSettings())


@contextlib.contextmanager
def one_of_each(gateway: Gateway) -> Iterator[list[HTTPConnection]]:
    """Yield an open connection to each process of the gateway."""
    place = urlsplit(gateway.url)
    found: dict[int, HTTPConnection] = {}
    with contextlib.ExitStack() as stack:

        def all_found() -> bool:
            call = HTTPConnection(str(place.hostname), place.port, timeout=PATIENCE_S)
            stack.callback(call.close)
            assert status(call, gateway.keys.own) == 200
            if found.setdefault(_served_by(call), call) is not call:
                call.close()
            return len(found) == PROCESSES

        until(all_found, "every process to have answered")
        yield list(found.values())


def _served_by(call: HTTPConnection) -> int:
    ends = (call.sock.getpeername(), call.sock.getsockname())
    (pid,) = (
        each.pid
        for each in _workers(call.port)
        for connection in each.net_connections("tcp4")
        if (connection.laddr, connection.raddr) == ends
    )
    return pid


@cache
def _workers(port: int) -> tuple[psutil.Process, ...]:
    """Return who serves there. To ask all processes of a machine takes a third of a second."""
    (pid, *_) = (
        each.pid
        for each in psutil.net_connections("tcp4")
        if each.pid and each.status == psutil.CONN_LISTEN and each.laddr[1:] == (port,)
    )
    listening = psutil.Process(pid)  # the master or a worker: all of them have the socket
    master = listening if listening.children() else listening.parent()
    assert master is not None
    return tuple(master.children())


def status(call: HTTPConnection, secret: str) -> int:
    """Return what is answered to who has this secret."""
    call.request("GET", "/v1/models", headers={"Authorization": f"Bearer {secret}"})
    with call.getresponse() as answer:
        answer.read()
        return answer.status


CHANGES: dict[str, Callable[[Accounts, ApiKey], object]] = {
    "deactivated": lambda accounts, key: accounts.deactivate(key.id, by="test"),
    "rotated": lambda accounts, key: accounts.rotate(key.id, 0, by="test"),
    "account disabled": lambda accounts, key: accounts.disable_account(key.account, by="test"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_closed_key_soon_opens_no_process(
    gevent_gateway: Gateway, accounts: Accounts, change: str
) -> None:
    key, secret = accounts.create_key(f"closing-{change.replace(' ', '-')}", by="test")
    with one_of_each(gevent_gateway) as calls:
        assert [status(call, secret) for call in calls] == [200] * PROCESSES
        CHANGES[change](accounts, key)
        for call in calls:
            until(lambda here=call: status(here, secret) == 401, "the key to be refused")  # type: ignore[misc] # a default
