"""What is said when settings cannot be used."""

from __future__ import annotations

from pathlib import Path

from app.logs.redaction import redact


class SettingsError(Exception):
    """The gateway cannot start as it is configured; the text is for the operator.

    `file` and `line` (from 1) say where, when the fault is in a file. Whatever looks like a
    credential is hidden: a key may stand where a name should, or be one.
    """

    def __init__(self, reason: str, *, file: Path | None = None, line: int | None = None) -> None:
        self.reason = reason = redact(reason)
        self.file = file
        self.line = line
        super().__init__(f"{_place(file, line)}{reason}")


def _place(file: Path | None, line: int | None) -> str:
    if file is None:
        return ""
    name = redact(str(file))
    return f"{name}: " if line is None else f"{name}, line {line}: "
