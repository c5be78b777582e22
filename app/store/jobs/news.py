"""What happens to jobs, as whoever listens hears it from Redis."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from redis.exceptions import TimeoutError as TimedOut

from app.store.jobs.base import What
from app.store.jobs.codec import news_of

#: A listener that heard nothing for so long, in seconds, asks whether it is still connected.
QUIET_S = 5.0


def heard(redis: Any, channel: str) -> Iterator[tuple[What, str]]:
    """Yield what happens, and to which response, on a connection of its own, for ever.

    Raises what redis-py raises when the connection is lost.
    """
    listener = redis.pubsub()
    try:
        listener.subscribe(channel)
        asked = False
        while True:
            message = listener.get_message(timeout=QUIET_S)
            if message is not None:
                asked = False
                if message["type"] in ("message", "subscribe"):
                    yield news_of(message)
            elif asked:
                raise TimedOut("The listener has lost its connection.")
            else:
                listener.ping()
                asked = True
    finally:
        listener.close()
