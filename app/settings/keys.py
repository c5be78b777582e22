"""The credentials of a provider: a single one, or a pool, `[[providers.NAME.keys]]` (N7)."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.logs.redaction import looks_like_credential, name_or_hidden
from app.settings import readers
from app.settings.errors import SettingsError
from app.settings.tables import KeyPath, as_tables, bad_key, bad_table, read_table, readable
from app.settings.values import KeySettings, KeySource
from app.settings.variables.secret_files import read_secret, secret_file

#: Settings that say where a credential is; only one of them may be given.
WHEREABOUTS: Mapping[str, readers.Reader] = {
    "api_key_env": readers.text,
    "api_key_file": readers.text,
    "api_key_command": readers.command,
}
_READERS: Mapping[str, readers.Reader] = {
    **WHEREABOUTS,
    "id": readers.text,
    "weight": readers.whole(1),
    "base_url": readers.base_url,
    "max_concurrency": readers.whole(1),
}
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class CredentialLookup:
    """Where credentials are looked up: in variables, and in files relative to a folder."""

    environ: Mapping[str, str]
    folder: Path


def read_key(
    values: dict[str, Any], path: KeyPath, place: CredentialLookup
) -> tuple[str | None, KeySource | None]:
    """Remove from `values` where the key is; return the key, and where to read it again.

    A command is only checked here; whoever needs the key runs it.

    Raises:
        Fault: more than one place is given, or it leads to no key.
    """
    found = {name: values.pop(name) for name in WHEREABOUTS if name in values}
    if len(found) > 1:
        raise bad_table(path, f"has both {' and '.join(found)}")
    for name, where in found.items():
        match name:
            case "api_key_env":
                return _of_variable(where, (*path, name), place)
            case "api_key_file":
                return _of_file(where, (*path, name), place)
            case _:
                return None, _command(where, (*path, name), place)
    return None, None


def _of_variable(
    variable: str, path: KeyPath, place: CredentialLookup
) -> tuple[str, KeySource | None]:
    if looks_like_credential(variable):
        raise bad_key(path, "must be the name of a variable, not a key")
    try:
        key, source = key_of_variable(variable, place.environ)
    except SettingsError as error:
        raise bad_key(path, f"names a variable that cannot be used: {error}") from None
    if not key:
        raise bad_key(path, f"names {name_or_hidden(variable)}, which holds no key")
    return key, source


def key_of_variable(
    variable: str, environ: Mapping[str, str]
) -> tuple[str | None, KeySource | None]:
    """Return the key in a variable, or in its file, which can be read again; None if there is none.

    Raises:
        SettingsError: the variable and its file are both set, or the file cannot be read.
    """
    file = secret_file(environ, variable)
    key = readers.credential(read_secret(environ, variable))
    return key, KeySource(file.absolute()) if file and key else None


def _of_file(name: str, path: KeyPath, place: CredentialLookup) -> tuple[str, KeySource]:
    file = readable(name, path, place.folder)
    if not (key := readers.credential(file.read_text("utf-8", "replace"))):
        raise bad_key(path, "names a file that holds no key")
    return key, KeySource(file.absolute())


def _command(command: tuple[str, ...], path: KeyPath, place: CredentialLookup) -> KeySource:
    """Return a command whose program exists: on the PATH, or, with a slash, in the folder."""
    program, folder = command[0], place.folder.absolute()
    where = str(folder / Path(program).expanduser()) if "/" in program else program
    found = shutil.which(where, path=place.environ.get("PATH"))
    if found is None:
        raise bad_key(path, "names a program that is not there, or cannot be run")
    return KeySource(command=(found, *command[1:]), folder=folder)


def read_pool(raw: object, path: KeyPath, place: CredentialLookup) -> tuple[KeySettings, ...]:
    """Return the keys of a pool, in file order.

    Raises:
        Fault: one of them is invalid.
    """
    keys: dict[str, KeySettings] = {}
    for number, table in enumerate(as_tables(raw, path)):
        key = _pooled(table, (*path, number), number + 1, place)
        if key.id in keys:
            raise bad_table((*path, number), f"has the id of one before it: {key.id}")
        keys[key.id] = key
    if not keys:
        raise bad_key(path, "has no key")
    return tuple(keys.values())


def _pooled(table: object, path: KeyPath, number: int, place: CredentialLookup) -> KeySettings:
    values = read_table(table, _READERS, path)
    key_id = values.pop("id", str(number))
    if not _ID.fullmatch(key_id) or looks_like_credential(key_id):
        raise bad_key(
            (*path, "id"), "must be a name of letters, digits, '.', '_' and '-', and not the key"
        )
    if WHEREABOUTS.keys().isdisjoint(values):
        raise bad_table(path, f"needs one of {', '.join(WHEREABOUTS)}")
    api_key, source = read_key(values, path, place)
    return KeySettings(id=key_id, api_key=api_key, source=source, **values)
