"""What a request asks of OpenAI's moderation, which judges it and its answer (R22)."""

from __future__ import annotations

from collections.abc import Mapping

#: The parameter, and where in it there is a mode.
MODERATION = "moderation"
_POLICIES = ("policy", "input", "output")


def blocking(value: object, path: str) -> list[str]:
    """Return where an object says `mode: "block"`, at whatever level its policies are."""
    if not isinstance(value, Mapping):
        return []
    own = [f"{path}.mode"] if value.get("mode") == "block" else []
    return own + [each for key in _POLICIES for each in blocking(value.get(key), f"{path}.{key}")]
