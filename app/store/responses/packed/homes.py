"""Finds items whose ids do not say where they are: ids that clients have made (S5).

<prefix>homes:<account>  hash: item id -> id of the response, or of the entry of items alone, that
brought it. Of one that is encrypted a name of 32 digits stands for the item's id (ContentKey.name),
and `of:` and the response's id -> those names, for the purge, which cannot read the entry.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from app.domain.accounts.content_key import ContentKey
from app.domain.ids import home_of, stem_of
from app.domain.items import Item
from app.store.connection.client import Client
from app.store.connection.errors import translated
from app.store.connection.replication import Command
from app.store.keys import Keys
from app.store.responses.scripts import LEAVE_HOME


def name_of(item_id: str, key: ContentKey | None) -> str:
    """Return the name of an item outside of entries: its id, or a keyed hash if it is encrypted."""
    return item_id if key is None else key.name(item_id)


def is_among(names: frozenset[str], item_id: str, key: ContentKey | None) -> bool:
    """Tell whether an item is among these names, either as an encrypted or as a plain one."""
    return item_id in names or (key is not None and key.name(item_id) in names)


def homes_of(owner_id: str, items: Iterable[Item], key: ContentKey | None = None) -> dict[str, str]:
    """Return the hash fields for those items of a response, or entry, whose ids do not tell it."""
    own = stem_of(owner_id)  # part of every id minted for it
    homeless = [each.id for each in items if own not in each.id and home_of(each.id) is None]
    if key is None or not homeless:
        return dict.fromkeys(homeless, owner_id)
    homes = dict.fromkeys(map(key.name, homeless), owner_id)
    return homes | {f"of:{owner_id}": " ".join(homes)}


class ItemHomes:
    """Reads and writes these hashes of all accounts."""

    def __init__(self, client: Client, keys: Keys) -> None:
        self._redis: Any = client
        self._keys = keys

    def entering(self, account: str, homes: Mapping[str, str]) -> list[Command]:
        """Return the command that writes such fields, if there are any.

        If their response is never stored, they do no harm.
        """
        pairs = [part for pair in homes.items() for part in pair]
        return [("HSET", self._keys.homes(account), *pairs)] if pairs else []

    def find(self, account: str, item_ids: Sequence[str], key: ContentKey | None) -> dict[str, str]:
        """Return the home of each item that has one. Raises StorageUnavailable."""
        homes = {item_id: home for item_id in item_ids if (home := home_of(item_id))}
        homeless = [item_id for item_id in item_ids if item_id not in homes]
        if homeless:
            names = homeless if key is None else [*homeless, *map(key.name, homeless)]
            with translated():
                found = self._redis.hmget(self._keys.homes(account), names)
            homes |= {
                item_id: home.decode()
                for item_id, home in zip((homeless * 2)[: len(names)], found, strict=True)
                if home
            }
        return homes

    def leave(self, account: str, owner_id: str, items: Iterable[Item]) -> None:
        """Delete the fields of a purged response's items. Raises what redis-py raises."""
        self._leave(account, owner_id, [each.id for each in items if home_of(each.id) is None])

    def leave_encrypted(self, account: str, owner_id: str) -> None:
        """Delete the fields of a purged response's items, if it was encrypted."""
        homes, field = self._keys.homes(account), f"of:{owner_id}"
        names = self._redis.hget(homes, field)
        if names:
            self._leave(account, owner_id, names.decode().split())
            self._redis.hdel(homes, field)

    def _leave(self, account: str, owner_id: str, names: list[str]) -> None:
        if names:
            LEAVE_HOME((self._keys.homes(account),), (owner_id, *names)).run(self._redis)
