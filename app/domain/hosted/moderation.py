"""The parameter of OpenAI's moderation, which judges a request and its answer (R22)."""

from __future__ import annotations

from collections.abc import Mapping

#: The parameter's name, and the keys in it that may contain a mode.
MODERATION = "moderation"
_POLICIES = ("policy", "input", "output")


def blocking(value: object, path: str) -> list[str]:
    """Return the paths of `mode: "block"` in an object, at whatever level."""
    if not isinstance(value, Mapping):
        return []
    own = [f"{path}.mode"] if value.get("mode") == "block" else []
    return own + [each for key in _POLICIES for each in blocking(value.get(key), f"{path}.{key}")]
