"""Creates redis-py's clients, configured for the gateway. Connections open on first use.

A command whose connection is lost is retried three times within half a second. A time-out is never
retried: a stalled Redis would otherwise delay a request by several of them. Nor is a connection
that is refused for its password or certificate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from ssl import SSLCertVerificationError
from threading import RLock
from typing import Any

from redis import Redis, __version__
from redis._parsers import Encoder
from redis.backoff import ExponentialWithJitterBackoff
from redis.cluster import ClusterNode, RedisCluster
from redis.connection import Connection, ConnectionPool, UnixDomainSocketConnection
from redis.driver_info import DriverInfo
from redis.exceptions import AuthenticationError, ClusterDownError, SlotNotCoveredError
from redis.exceptions import ConnectionError as ConnectionLost
from redis.retry import Retry

from app.descriptors import pool_limit
from app.errors import causes
from app.settings import RedisSettings
from app.settings.redis.url import RedisUrl, parse
from app.store.connection.breaker import guarded
from app.store.connection.pool import NodePool, RedisPool
from app.store.connection.sentinel import MasterConnection, MasterTlsConnection, SentinelPool
from app.store.connection.sentinel_watch import MasterWatch
from app.store.connection.tls import TlsConnection

Client = Redis | RedisCluster

#: Idle seconds after which a connection is checked with a PING before it is used.
HEALTH_CHECK_S = 30
#: Minimum number of Cluster nodes to which a process is assumed to have connections.
_MASTERS = 3
RETRIES, RETRY_BASE_S, RETRY_CAP_S = 3, 0.02, 0.3

#: The library name that servers are sent. MEASURED: by default redis-py reads its version from its
#: package's metadata for each connection: 0.44 of the 0.46 ms that a connection takes.
_DRIVER = DriverInfo(lib_version=__version__)

#: What a connection fails with because of its password or of the server's certificate.
_REFUSALS = (AuthenticationError, SSLCertVerificationError)

# redis-py gives these no types.
_ENCODER: Any = Encoder
_NODE: Any = ClusterNode
_POOL: Any = RedisPool


class LossRetry(Retry):
    """redis-py's retries, but not of what is refused: it would be refused again."""

    def call_with_retry(
        self,
        do: Callable[[], Any],
        fail: Callable[..., Any],
        is_retryable: Callable[[Exception], bool] | None = None,
        with_failure_count: bool = False,
    ) -> Any:
        def is_worth_it(error: Exception) -> bool:
            if any(isinstance(each, _REFUSALS) for each in causes(error)):
                fail(*((error, 1) if with_failure_count else (error,)))
                return False
            return is_retryable is None or is_retryable(error)

        return super().call_with_retry(do, fail, is_worth_it, with_failure_count)


class LazyCluster(RedisCluster):
    """A client of a Cluster that discovers the nodes at its first use, not when it is made.

    One caller at a time does so. The others wait for it, at most `wait_s` seconds: each stalled
    node takes a time-out.
    """

    ERRORS_ALLOW_RETRY: Any = (ConnectionLost, ClusterDownError, SlotNotCoveredError)

    def __init__(self, hosts: Sequence[tuple[str, int]], wait_s: float, **options: Any) -> None:
        self._hosts = hosts
        self._wait_s = wait_s
        self._options = options
        self._asking = RLock()
        self.encoder = _ENCODER("utf-8", "strict", decode_responses=False)

    def __getattr__(self, name: str) -> Any:
        """Open on first access to an attribute that RedisCluster's constructor would have set."""
        self._alone(self._open)()
        return object.__getattribute__(self, name)

    def _open(self) -> None:
        if "nodes_manager" not in self.__dict__:
            nodes = [_NODE(*host) for host in self._hosts]
            super().__init__(startup_nodes=nodes, **self._options)
            manager: Any = self.nodes_manager
            manager.initialize = self._alone(manager.initialize)

    def _alone(self, ask: Callable[..., None]) -> Callable[..., None]:
        def alone(*args: Any, **options: Any) -> None:
            if not self._asking.acquire(timeout=self._wait_s):
                raise ConnectionLost("nobody has found the Cluster's nodes yet")
            try:
                ask(*args, **options)
            finally:
                self._asking.release()

        return alone

    def close(self) -> None:
        """Close all connections, if any were opened."""
        if "nodes_manager" in self.__dict__:
            super().close()


def connect(settings: RedisSettings) -> Client:
    """Return a client of the Redis that the settings name.

    Raises:
        ValueError: the URL or the prefix is invalid; the message does not contain the password.
    """
    if "{" in settings.prefix or "}" in settings.prefix:
        raise ValueError("REDIS_PREFIX must not contain braces: they choose a Cluster's slot")
    url = parse(settings.url)
    options = _options(settings, url)
    match url.kind:
        case "cluster":
            return _cluster(url, options)
        case "sentinel":
            return Redis(connection_pool=_sentinel_pool(settings, url, options))
        case "unix":
            return Redis(connection_pool=_POOL(path=url.path, **options))
        case "single":
            ((host, port),) = url.hosts
            return Redis(connection_pool=_POOL(host=host, port=port, **options))


def _options(settings: RedisSettings, url: RedisUrl) -> dict[str, Any]:
    return {
        "connection_class": guarded(_connection(url)),
        "max_connections": min(settings.pool_size, pool_limit()),
        "timeout": settings.timeout_s,
        "socket_timeout": settings.timeout_s,
        "socket_connect_timeout": settings.connect_timeout_s,
        "health_check_interval": HEALTH_CHECK_S,
        "retry": _retry(RETRIES),
        "client_name": "responses-gateway",
        "driver_info": _DRIVER,
        "protocol": 2,
        "username": url.user,
        "password": url.password,
        "db": url.db,
        **url.options,
        **(url.tls or {}),
    }


def _connection(url: RedisUrl) -> type:
    if url.kind == "unix":
        return UnixDomainSocketConnection
    if url.kind == "sentinel":
        return MasterConnection if url.tls is None else MasterTlsConnection
    return Connection if url.tls is None else TlsConnection


def _cluster(url: RedisUrl, options: dict[str, Any]) -> LazyCluster:
    for name in ("db", "health_check_interval"):
        del options[name]
    options["max_connections"] = min(options["max_connections"], max(1, pool_limit() // _MASTERS))
    (host, port), *others = url.hosts
    return LazyCluster(
        others,
        wait_s=options["socket_connect_timeout"],
        # redis-py uses the given pool class only if it is given a URL.
        url=f"redis://{_bracketed(host)}:{port}",
        connection_pool_class=NodePool,
        **options,
    )


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _sentinel_pool(settings: RedisSettings, url: RedisUrl, options: dict[str, Any]) -> SentinelPool:
    sentinel_options: dict[str, Any] = {
        "socket_timeout": settings.connect_timeout_s,
        "socket_connect_timeout": settings.connect_timeout_s,
        "username": url.sentinel_user,
        "password": url.sentinel_password,
        "retry": _retry(0),
        "driver_info": _DRIVER,
        "protocol": 2,
        "connection_class": Connection if url.sentinel_tls is None else TlsConnection,
        **(url.sentinel_tls or {}),
    }
    pools = [ConnectionPool(host=host, port=port, **sentinel_options) for host, port in url.hosts]
    sentinels = [Redis.from_pool(pool) for pool in pools]
    return SentinelPool(MasterWatch(url.service, sentinels, settings.timeout_s), **options)


def _retry(retries: int) -> Retry:
    backoff = ExponentialWithJitterBackoff(base=RETRY_BASE_S, cap=RETRY_CAP_S)
    return LossRetry(backoff, retries, supported_errors=(ConnectionLost,))
