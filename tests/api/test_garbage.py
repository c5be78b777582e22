"""A request leaves nothing that only a collection of garbage would free.

MEASURED: what streams left of that kind came to 12 MB in a process after 80,000 requests.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from tests.api.conftest import Asker

QUESTION = {"model": "local/echo", "input": "Hi"}


@pytest.fixture
def no_collections() -> Iterator[None]:
    gc.disable()
    yield
    gc.set_debug(0)
    gc.garbage.clear()
    gc.enable()


def garbage() -> list[str]:
    """Return the types of our own objects that are garbage now."""
    gc.garbage.clear()
    gc.set_debug(gc.DEBUG_SAVEALL)
    gc.collect()
    gc.set_debug(0)
    types = {type(each) for each in gc.garbage}
    gc.garbage.clear()
    return sorted(each.__qualname__ for each in types if each.__module__.startswith("app."))


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("store", [False, True], ids=["not stored", "stored"])
def test_a_response_leaves_no_garbage(
    owner: Asker, no_collections: None, *, store: bool, stream: bool
) -> None:
    body = {**QUESTION, "store": store, "stream": stream}
    for _ in range(2):  # the first one makes what stays
        gc.collect()
        answer = owner.ask("POST", "/v1/responses", body)
        assert b"completed" in answer.data
        answer.close()
        del answer
    assert garbage() == []
