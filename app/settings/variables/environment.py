"""Reads environment variables into values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from app.settings.errors import SettingsError
from app.settings.readers import Reader
from app.settings.variables.secret_files import SECRETS, read_secret

_WHOLE = re.compile(r"[+-]?[0-9]+")


class Environment:
    """Reads variables; an empty one counts as unset."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def given(self, name: str) -> str | None:
        """Return a variable's text, None if it is unset.

        Raises:
            SettingsError: it is a secret in a file that cannot be read.
        """
        is_secret = name in SECRETS
        text = read_secret(self._variables, name) if is_secret else self._variables.get(name, "")
        return text.strip() or None

    def read(self, **wanted: tuple[str, Reader]) -> dict[str, Any]:
        """Return the wanted values that are set: `url=("REDIS_URL", redis_url)`.

        Raises:
            SettingsError: one of them is invalid.
        """
        values = {}
        for key, (name, reader) in wanted.items():
            if (text := self.given(name)) is not None:
                try:
                    values[key] = reader(text)
                except ValueError as error:
                    raise SettingsError(f"{name} {error}") from None
        return values


def number(reader: Reader) -> Reader:
    """Turn a reader of numbers into one of a variable's text."""

    def read(raw: object) -> Any:
        text = str(raw)
        if _WHOLE.fullmatch(text):
            return reader(int(text))
        try:
            return reader(float(text))
        except ValueError:
            return reader(text)

    return read
