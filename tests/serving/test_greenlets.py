"""A process of greenlets, as it is made before anything else is imported."""

from __future__ import annotations

import subprocess
import sys

_PROGRAM = """
from app.serving import greenlets
greenlets.patch()
import gevent
from gevent.pool import Pool
begun = Pool(2).spawn(int)
print(begun.get(), hasattr(begun, "spawning_stack") and begun.spawning_stack is not None)
"""


def test_no_greenlet_keeps_where_it_was_begun() -> None:
    result = subprocess.run(  # noqa: S603 - the program above
        [sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True, timeout=60
    )
    assert result.stdout.split() == ["0", "False"]
