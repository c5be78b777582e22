"""A process of greenlets, as it is made before anything else is imported."""

from __future__ import annotations

from tests.processes import printed

_TREELESS = """
from app.serving import greenlets
greenlets.patch()
import gevent
from gevent.pool import Pool
begun = Pool(2).spawn(int)
print(begun.get(), hasattr(begun, "spawning_stack") and begun.spawning_stack is not None)
"""

_DEAF = """
from app.serving import greenlets
greenlets.patch()
import os, socket
from gevent import Timeout, get_hub
from gevent.monkey import get_original
silence = get_original("_thread", "allocate_lock")()
silence.acquire()
with Timeout(10):
    for _ in range(100):
        get_hub().threadpool.spawn(silence.acquire)
    print(socket.getaddrinfo("localhost", 443)[0][4][1], flush=True)
os._exit(0)
"""


def test_no_greenlet_keeps_where_it_was_begun() -> None:
    assert printed(_TREELESS) == ["0", "False"]


def test_a_hundred_names_that_no_server_knows_hold_up_no_other() -> None:
    assert printed(_DEAF) == ["443"]
