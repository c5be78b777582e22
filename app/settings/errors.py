"""The error for invalid settings."""

from __future__ import annotations

from pathlib import Path

from app.logs.redaction import redact


class SettingsError(Exception):
    """The gateway cannot start with its configuration; the text is for the operator.

    `file` and `line` (from 1) give the place of a fault in a file; `path` is that of its key, where
    whoever found it has not seen the file. Anything that looks like a credential is hidden: a key
    may be where a name should be.
    """

    def __init__(
        self,
        reason: str,
        *,
        file: Path | None = None,
        line: int | None = None,
        path: tuple[str | int, ...] = (),
    ) -> None:
        self.reason = reason = redact(reason)
        self.file = file
        self.line = line
        self.path = path
        super().__init__(f"{_place(file, line)}{reason}")


def _place(file: Path | None, line: int | None) -> str:
    if file is None:
        return ""
    name = redact(str(file))
    return f"{name}: " if line is None else f"{name}, line {line}: "
