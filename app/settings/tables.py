"""Reads a table of gateway.toml into keyword arguments, and describes what is wrong with it."""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from app.logs.redaction import HIDDEN, looks_like_credential
from app.settings.readers import Reader
from app.settings.toml import header

#: The keys that lead to a value: `("providers", "openai", "base_url")`. A number is an index in a
#: list.
KeyPath = tuple[str | int, ...]


class Fault(Exception):
    """The value at `path` is invalid."""

    def __init__(self, path: KeyPath, reason: str) -> None:
        super().__init__(reason)
        self.path = path
        self.reason = reason


def bad_key(path: KeyPath, reason: str) -> Fault:
    """Return the fault for one key, naming its table."""
    *parents, key = path
    key = HIDDEN if looks_like_credential(str(key)) else key
    return Fault(path, f"{header(parents)} {key} {reason}" if parents else f"{key} {reason}")


def bad_table(path: KeyPath, reason: str) -> Fault:
    """Return the fault for a whole table."""
    return Fault(path, f"{header(path)} {reason}")


def as_table(raw: object, path: KeyPath) -> Mapping[str, object]:
    """Return `raw`, which must be a table."""
    if not isinstance(raw, dict):
        raise bad_key(path, "must be a table")
    return raw


def as_tables(raw: object, path: KeyPath) -> Sequence[Mapping[str, object]]:
    """Return `raw`, which must be an array of tables."""
    if not isinstance(raw, list) or not all(isinstance(each, dict) for each in raw):
        raise bad_key(path, f"must be tables, each under {header((*path, 0)).split(' ')[0]}")
    return raw


def read_table(raw: object, readers: Mapping[str, Reader], path: KeyPath) -> dict[str, Any]:
    """Read a table, key by key.

    Raises:
        Fault: a key is unknown, or its value invalid.
    """
    values = {}
    for key, value in as_table(raw, path).items():
        if key not in readers:
            raise bad_key((*path, key), "is not a setting" + did_you_mean(key, readers))
        try:
            values[key] = readers[key](value)
        except ValueError as error:
            raise bad_key((*path, key), str(error)) from None
    return values


def readable(name: str, path: KeyPath, folder: Path) -> Path:
    """Return the file that a key names, relative to `folder`.

    Raises:
        Fault: it cannot be read.
    """
    file = folder / Path(name).expanduser()
    try:
        file.open("rb").close()
    except OSError as error:
        raise bad_key(path, f"names a file that cannot be read: {error.strerror}") from None
    except ValueError:  # it holds a NUL
        raise bad_key(path, "names a file that no system can have") from None
    return file


def certificates(name: str, path: KeyPath, folder: Path) -> Path:
    """Return the file of certificates that a key names, relative to `folder`.

    Raises:
        Fault: it cannot be read, or has no certificate.
    """
    file = readable(name, path, folder)
    if (fault := fault_of_certificates(file)) is not None:
        raise bad_key(path, fault)
    return file


def fault_of_certificates(file: Path) -> str | None:
    """Say what is wrong with a file of certificates, as TLS would read it; None if nothing is."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file)
    except ssl.SSLError:
        is_pem = b"-----BEGIN " in file.read_bytes()
        why = "a damaged certificate" if is_pem else "no certificate: it must be in PEM form"
        return f"names a file that holds {why}"
    except OSError as error:
        return f"names a file that cannot be read: {error.strerror}"
    return None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a hint at the most similar known word, or ""."""
    near = get_close_matches(word, list(known), n=1)
    return f" (did you mean {near[0]}?)" if near else ""
