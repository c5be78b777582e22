"""What happens to jobs, as a listener hears it from Redis."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from redis.exceptions import TimeoutError as TimedOut

from app.store.jobs.base import JobNews
from app.store.jobs.codec import news_of

#: A listener that heard nothing for so long, in seconds, asks whether it is still connected.
QUIET_S = 5.0


def listen(redis: Any, channel: str) -> Iterator[tuple[JobNews, str]]:
    """Yield what happens, and to which response, on a connection of its own, for ever.

    Raises what redis-py raises when the connection is lost.
    """
    listener = redis.pubsub()
    try:
        listener.subscribe(channel)
        is_pinged = False
        while True:
            message = listener.get_message(timeout=QUIET_S)
            if message is not None:
                is_pinged = False
                if message["type"] in ("message", "subscribe"):
                    yield news_of(message)
            elif is_pinged:
                raise TimedOut("The listener has lost its connection.")
            else:
                listener.ping()
                is_pinged = True
    finally:
        listener.close()
