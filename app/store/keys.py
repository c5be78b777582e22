"""The names of the keys in Redis. The .lua files of each store describe their contents.

<prefix>{tag}               hash: a conversation's index (responses/lua/conversation.lua)
<prefix>{tag}:<n>           list: its log n
<prefix>{tag}:common        hash: what its turns have in common (entries.py)
<prefix>conversations:<account>  sorted set: tags by the time of their first turn, Unix seconds
<prefix>responses:<account>  sorted set: ids of its responses by when they came, Unix seconds; also
                            of those that wait or run, and maybe of some that are gone
<prefix>named:<account>     sorted set: ids of its conversations that have one, likewise
<prefix>homes:<account>     hash: where items are whose ids do not say so (packed/homes.py)
<prefix>idempotency:<account>:<hash>  hash: an Idempotency-Key (idempotency/lua), for a day
<prefix>idempotency:<account>:copies:<response id>  set: hashes of keys whose answers have copies of
                            a stored response, for a day
<prefix>stored:<account>    number: bytes of all that the account has stored (stored_bytes.py)
<prefix>deleted             sorted set: ids of deleted responses by the time of their deletion
<prefix>{expiring}          sorted set: ids of what is to be purged by when, Unix seconds
<prefix>{expiring}:…        the sweep's own (retention/lua/due.lua)
<prefix>user:<account>:<hash>  set: ids of the responses of an end user
<prefix>{jobs}…, …:job:<id>, …:events:<id>   background responses (jobs/lua)
<prefix>{jobs}:webhooks:…   webhook endpoints, and deliveries (webhooks/lua/webhooks.lua)
<prefix>store_id            string: which store this is (store_identity.py)
<prefix>write_probe         string: empty, written to learn whether writes are taken
<prefix>news                channel: what happens to background responses, for those who wait
<prefix>news:streams        channel: what is wanted of streams, for the processes that run them
"""

from __future__ import annotations


class Keys:
    """Every key begins with `prefix`, so that environments can share one Redis."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self.deleted = f"{prefix}deleted"
        self.expiring = f"{prefix}{{expiring}}"
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
