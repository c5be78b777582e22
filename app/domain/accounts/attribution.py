"""Whom a request is put down to beside its key: an end user, and metadata that operators chose."""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.frozen import frozen_dataclass
from app.domain.request import Parameters

#: What stands for users, and for values of metadata, that are too many to be counted apart.
OTHER = "(other)"
#: What stands for whatever a request says of either that is encrypted with its caller's key (N3).
ENCRYPTED = "(encrypted)"
#: The most characters of a user's name that count: OpenAI's own bound.
MAX_USER = 128


@frozen_dataclass(frozen=True, slots=True)
class Attribution:
    """The end user, None where the request names none, and the chosen metadata that it has."""

    user: str | None = None
    metadata: tuple[tuple[str, str], ...] = ()

    def value(self, key: str) -> str | None:
        """Return the value of a key of metadata, None where there is none."""
        return dict(self.metadata).get(key)


NOBODY = Attribution()


def end_user(parameters: Parameters) -> str | None:
    """Return whom a request is for: `safety_identifier` comes before `user` (N3)."""
    return parameters.safety_identifier or parameters.user


def attribution(
    parameters: Parameters, metadata_keys: tuple[str, ...], *, is_encrypted: bool = False
) -> Attribution:
    """Return whom a request is put down to."""
    if is_encrypted:
        return Attribution(ENCRYPTED, tuple((key, ENCRYPTED) for key in metadata_keys))
    user, metadata = end_user(parameters), parameters.metadata
    if not user and (not metadata or not metadata_keys):
        return NOBODY
    chosen = tuple((key, _whole(metadata[key])) for key in metadata_keys if key in metadata)
    return Attribution(_whole(user[:MAX_USER]) if user else None, chosen)


def _whole(text: str) -> str:
    """Return a text that can be written: without halves of characters."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


@dataclass(frozen=True, slots=True)
class UsageGroups:
    """What use is counted apart by: some of `NAMES`, and keys of metadata."""

    names: tuple[str, ...] = ("day", "key", "model")
    metadata: tuple[str, ...] = ()

    @property
    def need_attribution(self) -> bool:
        """Whether lines are wanted that say whom they are put down to."""
        return "user" in self.names or bool(self.metadata)


NAMES = ("day", "key", "model", "user")
METADATA = "metadata."
DEFAULT_GROUPS = UsageGroups()
