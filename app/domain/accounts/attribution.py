"""Attributes a request, beside its key, to an end user and to metadata that operators chose."""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.frozen import frozen_dataclass
from app.domain.request import Parameters

#: Replaces users, and values of metadata, beyond the number that is counted separately.
OTHER = "(other)"
#: Replaces both in a request that is encrypted with its caller's key (N3).
ENCRYPTED = "(encrypted)"
#: Maximum number of characters of a user's name that count: OpenAI's own limit.
MAX_USER = 128


@frozen_dataclass(frozen=True, slots=True)
class Attribution:
    """The end user, None if the request names none, and its values for the chosen metadata keys."""

    user: str | None = None
    metadata: tuple[tuple[str, str], ...] = ()

    def value(self, key: str) -> str | None:
        """Return the value of a metadata key, or None."""
        return dict(self.metadata).get(key)


NOBODY = Attribution()


def end_user(parameters: Parameters) -> str | None:
    """Return the end user of a request: `safety_identifier` takes precedence over `user` (N3)."""
    return parameters.safety_identifier or parameters.user


def attribution(
    parameters: Parameters, metadata_keys: tuple[str, ...], *, is_encrypted: bool = False
) -> Attribution:
    """Return the attribution of a request."""
    if is_encrypted:
        return Attribution(ENCRYPTED, tuple((key, ENCRYPTED) for key in metadata_keys))
    user, metadata = end_user(parameters), parameters.metadata
    if not user and (not metadata or not metadata_keys):
        return NOBODY
    chosen = tuple((key, _whole(metadata[key])) for key in metadata_keys if key in metadata)
    return Attribution(_whole(user[:MAX_USER]) if user else None, chosen)


def _whole(text: str) -> str:
    """Return a text without lone surrogates, so that it can be encoded."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


@dataclass(frozen=True, slots=True)
class UsageGroups:
    """The dimensions of a usage report: some of `NAMES`, and metadata keys."""

    names: tuple[str, ...] = ("day", "key", "model")
    metadata: tuple[str, ...] = ()

    @property
    def need_attribution(self) -> bool:
        """Whether lines with attributions are needed."""
        return "user" in self.names or bool(self.metadata)


NAMES = ("day", "key", "model", "user")
METADATA = "metadata."
DEFAULT_GROUPS = UsageGroups()
