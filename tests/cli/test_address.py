"""BIND: free or taken, and how curl reaches it."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.cli.common.address import AddressTaken, check_free, curl_target
from tests.processes import free_port


@pytest.fixture
def path() -> Iterator[Path]:
    """A path short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="rg-") as folder:
        yield Path(folder) / "s"


def test_a_free_port_is_free() -> None:
    check_free(f"127.0.0.1:{free_port()}")


def test_a_port_with_a_listener_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        bind = f"127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(AddressTaken, match=f"^{bind} is in use: another program listens there"):
            check_free(bind)


def test_a_port_is_taken_when_another_program_has_it_on_every_address() -> None:
    with socket.create_server(("0.0.0.0", 0)) as listener:  # noqa: S104 - that is the question
        bind = f"127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(AddressTaken, match="is in use"):
            check_free(bind)


def test_an_address_of_another_host_is_not_ours_to_listen_at() -> None:
    with pytest.raises(AddressTaken, match=r"^cannot listen at 192\.0\.2\.1:8000: "):
        check_free("192.0.2.1:8000")


def test_a_path_that_nobody_has_is_free(path: Path) -> None:
    check_free(f"unix:{path}")


def test_a_socket_left_behind_is_free(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
    check_free(f"unix:{path}")


def test_a_socket_with_a_listener_is_taken(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        with pytest.raises(AddressTaken, match="is in use: another program listens there"):
            check_free(f"unix:{path}")


def test_a_path_in_a_folder_that_is_missing_cannot_be_listened_at(path: Path) -> None:
    with pytest.raises(AddressTaken, match="its folder is missing"):
        check_free(f"unix:{path}/gateway.sock")


def test_a_path_that_is_too_long_cannot_be_listened_at() -> None:
    with pytest.raises(AddressTaken, match="too long"):
        check_free(f"unix:/{'x' * 200}")


@pytest.mark.parametrize(
    ("bind", "target"),
    [
        ("127.0.0.1:8000", "http://127.0.0.1:8000/v1"),
        ("0.0.0.0:8000", "http://127.0.0.1:8000/v1"),
        ("[::]:8000", "http://[::1]:8000/v1"),
        ("gateway.internal:80", "http://gateway.internal:80/v1"),
        ("unix:/run/a gateway.sock", "--unix-socket '/run/a gateway.sock' http://localhost/v1"),
    ],
)
def test_curl_is_told_how_to_reach_the_gateway_from_here(bind: str, target: str) -> None:
    assert curl_target(bind, "/v1") == target
