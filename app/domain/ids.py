"""Opaque, prefixed, unguessable ids.

A response's id is `resp_` + the tag of its conversation + a part of its own. The tag puts the keys
of one conversation into one slot of a Redis Cluster. An item's id is its prefix + everything after
`resp_` + a part of its own, so that the id alone tells where the item is stored. An item of a
hosted tool has the server's own id appended: `ws_…_ws_68f1`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from string import ascii_letters, digits

TAG_LENGTH = 16
UNIQUE_LENGTH = 32
ITEM_LENGTH = 10
MAX_CALL_ID = 64

#: Returns the given number of unguessable bytes.
RandomBytes = Callable[[int], bytes]
#: Creates an id for an item, given its prefix: `mint("msg")`.
Mint = Callable[[str], str]

_LETTERS = ascii_letters + digits
_NINE = re.compile(r"[A-Za-z0-9]{9}")
_WELL_FORMED = re.compile(r"resp_[A-Za-z0-9_-]{1,123}")
_CONVERSATION = re.compile(r"conv_[A-Za-z0-9_-]{1,123}")
_TAGGED = re.compile(
    rf"[a-z]+_(([0-9a-f]{{{TAG_LENGTH}}})[0-9a-f]{{{UNIQUE_LENGTH}}})"
    rf"(?:([0-9a-f]{{{ITEM_LENGTH}}})(?:_([A-Za-z0-9_-]{{1,64}}))?)?"
)
_CARRIED = re.compile(r"[A-Za-z0-9_-]{1,64}")


class IdGenerator:
    """Creates unguessable ids."""

    __slots__ = ("_random_bytes",)

    def __init__(self, random_bytes: RandomBytes) -> None:
        self._random_bytes = random_bytes

    def first_id(self) -> str:
        """Return the id of the first response of a new conversation."""
        return f"resp_{self._random_bytes((TAG_LENGTH + UNIQUE_LENGTH) // 2).hex()}"

    def new_tag(self) -> str:
        """Return the tag of a new conversation."""
        return self._random_bytes(TAG_LENGTH // 2).hex()

    def new_id(self, prefix: str, tag: str) -> str:
        """Return a new id in the conversation `tag`."""
        return f"{prefix}_{tag}{self._random_bytes(UNIQUE_LENGTH // 2).hex()}"

    def item_minter(self, response_id: str) -> Mint:
        """Return the function that makes ids for the items of a response's turn."""
        stem, random_bytes = response_id.removeprefix("resp_"), self._random_bytes
        return lambda prefix: f"{prefix}_{stem}{random_bytes(ITEM_LENGTH // 2).hex()}"

    def item_ids(self, response_id: str, prefixes: Sequence[str]) -> list[str]:
        """Return ids for these prefixes, as the turn's mint would.

        MEASURED: for twenty, drawing random bytes once takes a quarter of the time of drawing each.
        """
        stem = response_id.removeprefix("resp_")
        drawn = self._random_bytes(ITEM_LENGTH // 2 * len(prefixes))
        own = drawn.hex(" ", ITEM_LENGTH // 2).split()
        return [f"{prefix}_{stem}{each}" for prefix, each in zip(prefixes, own, strict=True)]


def tag_of(any_id: str) -> str | None:
    """Return the conversation's tag from an id of ours, or None for any other id."""
    match = _TAGGED.fullmatch(any_id)
    return match and match[2]


def stem_of(any_id: str) -> str:
    """Return what follows the prefix in a response's or conversation's id: 48 digits.

    For an item's id it is that of its response; for any other id it is "".
    """
    match = _TAGGED.fullmatch(any_id)
    return match[1] if match else ""


def home_of(item_id: str) -> str | None:
    """Return the id of the response whose turn brought the item, or None if its id does not tell.

    Ids made by clients do not.
    """
    match = _TAGGED.fullmatch(item_id)
    return f"resp_{match[1]}" if match and match[3] else None


def carried_id(item_id: str, upstream_id: str) -> str:
    """Return an item's id with its server's own id appended, if that fits.

    So the item is sent back under that id, even by a client that keeps it where nothing is stored.
    """
    return f"{item_id}_{upstream_id}" if _CARRIED.fullmatch(upstream_id) else item_id


def upstream_item_id(item_id: str) -> str:
    """Return the id by which a server knows an item, or may know it from now on.

    An id of ours without a server's id is mapped by hash, always to the same; an id that is not
    ours is returned unchanged, as its server gave it.
    """
    match = _TAGGED.fullmatch(item_id)
    if not match or not match[3]:
        return item_id
    prefix = item_id.partition("_")[0]
    return match[4] or f"{prefix}_{hashlib.sha256(item_id.encode()).hexdigest()[:48]}"


def is_response_id(text: str) -> bool:
    """Return whether `text` is well-formed as the id of a response (E9)."""
    return _WELL_FORMED.fullmatch(text) is not None


def is_conversation_id(text: str) -> bool:
    """Return whether `text` is well-formed as the id of a conversation (N11)."""
    return _CONVERSATION.fullmatch(text) is not None


def alone_id(response_id: str) -> str:
    """Return the id of an entry of items alone, made with the mint of this response id.

    Such items were added to a conversation directly: no response has that id.
    """
    return "items_" + response_id.removeprefix("resp_")


def call_id(upstream_id: str) -> str:
    """Return the upstream's id of a call, replaced by a hash if it is too long (U12)."""
    if len(upstream_id) <= MAX_CALL_ID:
        return upstream_id
    return "call_" + hashlib.sha256(upstream_id.encode()).hexdigest()[:48]


def distinct_call_id(upstream_id: str, response_id: str) -> str:
    """Return a replacement for a call id of this response that is used already."""
    return call_id(upstream_id + _distinction(response_id))


def upstream_call_id(distinct: str, response_id: str) -> str | None:
    """Return the original id for `distinct_call_id`'s; None if it is unchanged or a hash."""
    own_id = distinct.removesuffix(_distinction(response_id))
    return None if own_id == distinct else own_id


def _distinction(response_id: str) -> str:
    return "_" + hashlib.sha256(response_id.encode()).hexdigest()[:8]


def nine_characters(any_id: str) -> str:
    """Return a call's id as nine letters or digits, mapped by hash unless it is that (U22)."""
    if _NINE.fullmatch(any_id):
        return any_id
    number = int.from_bytes(hashlib.sha256(any_id.encode()).digest())
    letters = []
    for _ in range(9):
        number, letter = divmod(number, len(_LETTERS))
        letters.append(_LETTERS[letter])
    return "".join(letters)
