"""BIND: checks that it is free, and returns how a client on this host reaches it."""

from __future__ import annotations

import errno
import shlex
import socket
from pathlib import Path

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104 - read, not bound


class AddressTaken(Exception):
    """Nothing can listen at an address; the text is for the operator."""


def check_free(bind: str, variable: str = "BIND") -> None:
    """Return if a server could listen at `bind`, which is HOST:PORT or unix:PATH.

    `variable` is the environment variable that sets it.

    Raises:
        AddressTaken: another program listens there, or nobody can.
    """
    if bind.startswith("unix:"):
        _check_path(Path(bind.removeprefix("unix:")))
    else:
        _check_port(bind, variable)


def _check_port(bind: str, variable: str) -> None:
    host, _, port = bind.rpartition(":")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host.strip("[]"), int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            reason = f"{bind} is in use: another program listens there"
        else:
            reason = f"cannot listen at {bind}: {error.strerror}"
        raise AddressTaken(f"{reason}. Name another address with {variable}=HOST:PORT.") from None


def _check_path(path: Path) -> None:
    try:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.connect(str(path))
    except (FileNotFoundError, ConnectionRefusedError):
        if not path.parent.is_dir():
            raise AddressTaken(f"cannot listen at {path}: its folder is missing.") from None
    except OSError as error:
        raise AddressTaken(f"cannot listen at {path}: {error.strerror or error}.") from None
    else:
        raise AddressTaken(f"{path} is in use: another program listens there.")


def reachable(bind: str) -> tuple[str, int]:
    """Return the host and port by which a client on this host reaches HOST:PORT."""
    host, _, port = bind.rpartition(":")
    return _EVERYWHERE.get(host, host), int(port)


def curl_target(bind: str, path: str) -> str:
    """Return the curl arguments that reach `path` on a gateway that listens at `bind`."""
    if bind.startswith("unix:"):
        return f"--unix-socket {shlex.quote(bind.removeprefix('unix:'))} http://localhost{path}"
    host, port = reachable(bind)
    return f"http://{host}:{port}{path}"
