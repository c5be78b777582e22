"""What `doctor` reports about Redis: whether it is reachable, writable, durable and on time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from app.cli.doctor.finding import Finding
from app.cli.doctor.redis_tls import tls_remedy
from app.errors import StorageUnavailable
from app.settings import RedisSettings
from app.settings.redis.url import parse
from app.store.connection.checks import Persistence, clock_offsets, persistence
from app.store.connection.client import Client
from app.store.connection.reasons import code_of, explained, hung_up
from app.store.permissions import Refusals

#: Seconds between two clocks that are a warning, and that are a failure: limits and the expiry of
#: keys go by this machine's clock, leases by Redis'.
APART_S, FAR_APART_S = 2.0, 30.0

#: Remedies by the code of Redis' error reply.
_REMEDIES: Mapping[str, str] = {
    "OOM": "raise its maxmemory, or make room: responses purge. Meanwhile answers are spooled",
    "MISCONF": "make room on the disk of Redis; its own log says what failed",
    "READONLY": "name the master in REDIS_URL, or its Sentinels: redis+sentinel://HOST,HOST/SERVICE",
    "NOREPLICAS": "connect its replicas, or lower its min-replicas-to-write",
    "NOPERM": "grant its user ~PREFIX* &* +@all -@admin -@dangerous, and +role behind Sentinels: "
    "docs/deployment.md has the least, ACL LOG shows what it lacked",
    "NOAUTH": "put the login into REDIS_URL: redis://USER:PASSWORD@HOST, percent-encoded",
    "WRONGPASS": "mend the user or password in REDIS_URL; characters such as / and @ are "
    "percent-encoded there",
    "SENTINELAUTH": "mend sentinel_user= and sentinel_password= in REDIS_URL: the Sentinels' own "
    "login, apart from that of the servers; it needs SENTINEL, SUBSCRIBE and PING",
    "LOADING": "wait: it is reading its data",
    "CLUSTERDOWN": "bring back the Cluster's missing masters: CLUSTER INFO names what is wrong",
    "MASTERDOWN": "bring back its master, or name another server in REDIS_URL",
    "BUSY": "have it end that program: SCRIPT KILL. CLIENT LIST shows whose it is",
    "UNKILLABLE": "wait for that program: only SHUTDOWN NOSAVE ends it, which loses what is not on "
    "the disk",
    "TRYAGAIN": "wait for the move to end, or mend it: redis-cli --cluster check",
    "MAXCLIENTS": "raise its maxclients, or lower [redis] pool_size: CLIENT LIST shows whose "
    "connections there are",
    "NODB": "mend the number behind the slash of REDIS_URL: a Redis has 0 to 15 unless its "
    "`databases` says otherwise, a Cluster has 0 alone",
}
#: Start of the remedies for when only one side speaks TLS.
_OF_A_PORT = "a port with"


def unreachable(fault: StorageUnavailable, settings: RedisSettings) -> Finding:
    """Return the finding about a Redis that does not serve us."""
    detail = f"{explained(fault)} ({place_of(settings)})"
    return Finding("redis", "failed", detail, _remedy(fault, settings))


def _remedy(fault: StorageUnavailable, settings: RedisSettings) -> str:
    code = code_of(fault)
    if code is not None:
        return _REMEDIES.get(code, "")
    if settings.embedded:
        return "set REDIS_URL, or start the embedded one: make run"
    remedy = None
    if settings.url.startswith(("rediss:", "rediss+")):
        remedy = tls_remedy(fault.__cause__)
    elif hung_up(fault):
        remedy = "a port with TLS wants rediss:// in REDIS_URL"
    if remedy is not None and remedy.startswith(_OF_A_PORT) and "+sentinel:" in settings.url:
        remedy += "; where Sentinels and their servers differ, ?sentinel_ssl=yes or =no as well"
    return remedy or "start it, or mend the address in REDIS_URL; a firewall may be in between"


def place_of(settings: RedisSettings) -> str:
    """Return the address of a Redis, for an operator, without its login."""
    try:
        url = parse(settings.url)
    except ValueError:
        return "REDIS_URL"
    hosts = ",".join(f"{f'[{h}]' if ':' in h else h}:{port}" for h, port in url.hosts)
    return url.path or hosts


def redis_findings(client: Client, settings: RedisSettings) -> Iterator[Finding]:
    """Examine how each server keeps its data, and its clock.

    Raises:
        StorageUnavailable: it cannot be reached.
    """
    for server in persistence(client):
        yield from _server(server, settings)
    for server_name, offset_s in clock_offsets(client):
        yield _clock(server_name, offset_s)


def _server(server: Persistence, settings: RedisSettings) -> Iterator[Finding]:
    if server.is_silent:
        detail = f"answers at {place_of(settings)}; how it keeps data is unknown: no INFO for us"
        yield Finding("redis", "ok", detail)
        return
    concerns = list(server.warnings(settings.wait_replicas))
    for each in concerns:
        yield Finding("redis", "warning", each.cause, each.remedy)
    if not concerns:
        yield Finding("redis", "ok", f"answers at {place_of(settings)}")


def _clock(server: str, offset_s: float) -> Finding:
    apart_s = abs(offset_s)
    if apart_s < APART_S:
        return Finding("clock", "ok", f"as {server} has it")
    way = "behind" if offset_s > 0 else "ahead of"
    return Finding(
        "clock",
        "failed" if apart_s >= FAR_APART_S else "warning",
        f"this machine is {apart_s:.0f} s {way} {server}: limits, keys' ends and tokens are judged "
        "by it",
        "have both follow NTP: chronyc tracking, timedatectl",
    )


def permissions_finding(refusals: Refusals) -> Finding:
    """Return whether Redis would execute every command of the gateway."""
    if refusals.is_unexamined:
        return Finding("permissions", "ok", "unknown: Redis begins no transaction (MULTI) for us")
    if not str(refusals):
        return Finding("permissions", "ok", "every command that is needed")
    remedies = []
    if refusals.forbidden:
        remedies.append(_REMEDIES["NOPERM"])
    if refusals.unknown:
        remedies.append("use Redis 6.2 or newer, without rename-command for these")
    return Finding("permissions", "failed", str(refusals), "; ".join(remedies))


def writes_finding(fault: StorageUnavailable | None) -> Finding:
    """Return whether Redis takes writes; `fault` is why it took none."""
    if fault is None:
        return Finding("writes", "ok", "accepted")
    remedy = _REMEDIES.get(code_of(fault) or "", "")
    return Finding("writes", "failed", explained(fault), remedy)
