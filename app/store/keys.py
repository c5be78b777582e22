"""The names of the keys in Redis. The .lua files of each store describe their contents.

<prefix>{tag}               hash: a conversation's index (responses/lua/conversation.lua)
<prefix>{tag}:<n>           list: its log n
<prefix>{tag}:common        hash: fields that its turns have in common (entries.py)
<prefix>conversations:<account>  sorted set: tags by the time of their first turn, Unix seconds
<prefix>responses:<account>  sorted set: ids of its responses by time of arrival (list_score), with
                            those that wait or run, and possibly some that are deleted
<prefix>named:<account>     sorted set: ids of its conversations that have an id, likewise
<prefix>homes:<account>     hash: homes of items whose ids do not tell them (packed/homes.py)
<prefix>idempotency:<account>:<hash>  hash: an Idempotency-Key (idempotency/lua), for a day
<prefix>idempotency:<account>:copies:<response id>  set: hashes of keys whose answers contain a copy
                            of a stored response, for a day
<prefix>stored:<account>    number: bytes that the account has stored (stored_bytes.py)
<prefix>deleted             sorted set: ids of deleted responses by the time of their deletion
<prefix>{expiring}          sorted set: ids to be purged, by when, Unix seconds
<prefix>{expiring}:…        keys of the sweep (retention/lua/due.lua)
<prefix>user:<account>:<hash>  set: ids of the responses of an end user
<prefix>{jobs}…, …:job:<id>, …:events:<id>   background responses (jobs/lua)
<prefix>{jobs}:webhooks:…   webhook endpoints, and deliveries (webhooks/lua/webhooks.lua)
<prefix>store_id            string: the store's identity (store_identity.py)
<prefix>write_probe         string: empty, written to test whether Redis takes writes
<prefix>news                channel: news of background responses, for processes that wait for them
<prefix>news:streams        channel: requests about live streams, for processes that run them
"""

from __future__ import annotations

#: The last moment of a second, after its beginning.
_LAST_MOMENT = 0.999999


def list_score(created_at: int, now: float) -> str:
    """Return the score of what was created in that second, in a list of its account (N24).

    Lists are newest first, also within a second, of which `created_at` shows nothing: what is
    entered in it is scored by the time now, and what is entered later as the second's last.
    """
    return f"{min(max(now, created_at), created_at + _LAST_MOMENT):.6f}"


class Keys:
    """Every key begins with `prefix`, so that environments can share one Redis."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self.deleted = f"{prefix}deleted"
        self.expiring = f"{prefix}{{expiring}}"
        self.unlogged = f"{self.expiring}:unlogged"
        self.jobs = f"{prefix}{{jobs}}"
        self.news = f"{prefix}news"
        self.stream_news = f"{prefix}news:streams"
        self.store_id = f"{prefix}store_id"
        self.write_probe = f"{prefix}write_probe"

    def index(self, tag: str) -> str:
        return f"{self._prefix}{{{tag}}}"

    def log(self, tag: str, log: str) -> str:
        return f"{self._prefix}{{{tag}}}:{log}"

    def common(self, tag: str) -> str:
        return f"{self._prefix}{{{tag}}}:common"

    def job(self, tag: str, response_id: str) -> str:
        return f"{self.index(tag)}:job:{response_id}"

    def conversations(self, account: str) -> str:
        return f"{self._prefix}conversations:{account}"

    def responses(self, account: str) -> str:
        return f"{self._prefix}responses:{account}"

    def named(self, account: str) -> str:
        return f"{self._prefix}named:{account}"

    def stored(self, account: str) -> str:
        return f"{self._prefix}stored:{account}"

    def idempotency(self, account: str, key_hash: str) -> str:
        return f"{self._prefix}idempotency:{account}:{key_hash}"

    def copies(self, account: str, response_id: str) -> str:
        return self.idempotency(account, f"copies:{response_id}")

    def user(self, account: str, user_hash: str) -> str:
        return f"{self._prefix}user:{account}:{user_hash}"

    def homes(self, account: str) -> str:
        return f"{self._prefix}homes:{account}"
