"""The one place where redis-py's exceptions become ours."""

from __future__ import annotations

from redis.exceptions import RedisClusterException, RedisError

from app.errors import StorageUnavailable


class Translated:
    """A block that raises StorageUnavailable in place of whatever redis-py raises inside.

    A class, since a generator's block takes three times as many calls, and every read and write
    is in one.
    """

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        """Translate what was raised."""
        if isinstance(error, RedisError | RedisClusterException):
            raise StorageUnavailable(
                "The store is away; try again soon.", retry_after_s=1
            ) from error


_BLOCK = Translated()


def translated() -> Translated:
    """Return the block."""
    return _BLOCK
