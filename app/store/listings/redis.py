"""Lists of what an account has stored, in Redis: by time of arrival, by what runs, as a tree.

The lists may contain ids that are deleted by now, or encrypted: each is looked up when shown.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from app.domain.accounts.content_key import ContentKey, check_value
from app.domain.ids import tag_of
from app.domain.turns.conversation import Conversation
from app.domain.turns.listing import ListPage, ListQuery
from app.domain.turns.summary import ConversationTree, PendingList, ResponseSummary
from app.store.connection.client import Client
from app.store.connection.errors import translated
from app.store.connection.script import Call, run_all
from app.store.conversations.codec import conversation_of
from app.store.conversations.scripts import GET
from app.store.jobs.queues import JobQueues
from app.store.keys import Keys
from app.store.listings.peeking import WHOLE_BYTES, Peeked, Peeking, refuse_long
from app.store.listings.pending import PendingJobs
from app.store.listings.trees import Trees
from app.store.listings.walk import Walk
from app.store.responses.entries import Entries
from app.store.retention.search import RedisPurgeSearch

#: A time later than any that is stored, in Unix seconds.
_EVER = 2**53


def _go_on() -> None:
    """Do not pause."""


class RedisListings:
    """Implements ListingStore on any Redis >= 6.2, Sentinel and Cluster included.

    `pause` is called regularly during long reads, to let others run.
    """

    def __init__(self, client: Client, prefix: str, pause: Callable[[], None] = _go_on) -> None:
        self._redis: Any = client
        self._keys = Keys(prefix)
        entries = Entries(refuse_long)
        self._search = RedisPurgeSearch(client, prefix)
        self._peeking = Peeking(client, self._keys, entries)
        self._trees = Trees(client, self._keys, self._peeking, entries, pause)
        queues = JobQueues(client, self._keys, lease_s=0)  # it is not used to lease
        self._pending = PendingJobs(client, self._keys, queues, self._peeking)

    def responses(
        self, account: str, query: ListQuery, key: ContentKey | None = None
    ) -> ListPage[ResponseSummary]:
        """Return a page of an account's responses, including those that wait or run."""

        def read(ids: Sequence[str]) -> tuple[Sequence[ResponseSummary | None], int]:
            if not query.metadata:
                return self._peeking.peek(account, ids, key, query.statuses)
            return self._matching(account, ids, query, key)

        with translated():
            return Walk(self._redis, self._keys.responses(account), read).page(query)

    def _matching(
        self, account: str, ids: Sequence[str], query: ListQuery, key: ContentKey | None
    ) -> Peeked:
        """Return the responses with the metadata; a first pass reads all without their items."""
        heads = self._peeking.peek(account, ids, key, query.statuses, whole_bytes=0)
        matches = [each.id for each in heads.summaries if each and query.matches(each.metadata)]
        found = self._peeking.peek(account, matches[: query.limit], key, (), WHOLE_BYTES)
        by_id = {each.id: each for each in found.summaries if each}
        rows = [each and by_id.get(each.id) for each in heads.summaries]
        return Peeked(rows, heads.size + found.size)

    def conversations(
        self, account: str, query: ListQuery, key: ContentKey | None = None
    ) -> ListPage[Conversation]:
        """Return a page of an account's conversations that have an id."""

        def read(ids: Sequence[str]) -> tuple[Sequence[Conversation | None], int]:
            calls = [self._get(account, each, key) for each in ids]
            replies = run_all(self._redis, calls) if calls else []
            rows = [
                reply and conversation_of(conversation_id, reply, key)
                for conversation_id, reply in zip(ids, replies, strict=True)
            ]
            found = [row if row and query.matches(row.metadata) else None for row in rows]
            return found, sum(len(reply[1] or b"") for reply in replies if reply)

        with translated():
            return Walk(self._redis, self._keys.named(account), read).page(query)

    def _get(self, account: str, conversation_id: str, key: ContentKey | None) -> Call:
        index = self._keys.index(tag_of(conversation_id) or "")
        return GET((index,), (account, conversation_id, check_value(key, conversation_id)))

    def pending(self, account: str, key: ContentKey | None = None) -> PendingList:
        """Return an account's waiting and running responses."""
        with translated():
            return self._pending.of(account, key)

    def locked(
        self, response_ids: Collection[str], key: ContentKey | None = None
    ) -> frozenset[str]:
        """Return which of these responses are encrypted with another key than this, if any."""
        tags = {each: tag for each in response_ids if (tag := tag_of(each))}
        reads = [("HGET", self._keys.index(tag), f"check:{each}") for each, tag in tags.items()]
        with translated():
            checks = run_all(self._redis, reads) if reads else []
        return frozenset(
            each
            for each, check in zip(tags, checks, strict=True)
            if check is not None and check.decode() != check_value(key, each)
        )

    def relist(self, account: str) -> Iterator[int]:
        """Enter an account's responses and conversations of an earlier release into its lists."""
        for tag in self._search.tags(account, _EVER):
            layout = self._search.layout(tag)
            came = {
                record.response_id: at
                for record, at in self._search.times(layout)
                if at is not None and record.deleted_at is None and record.status != "items"
            }
            whole, named = layout.conversation, dict[str, int]()
            if whole is not None and whole.deleted_at is None and whole.created_at is not None:
                named[whole.response_id] = whole.created_at
            lists = {self._keys.responses(account): came, self._keys.named(account): named}
            with translated():
                for key, members in lists.items():
                    if members:
                        self._redis.zadd(key, members, nx=True)  # it is in the right place
            yield len(came)

    def tree(
        self, account: str, any_id: str, key: ContentKey | None = None
    ) -> ConversationTree | None:
        """Return a conversation as a tree with its forks, by a response's id or its own."""
        with translated():
            return self._trees.tree(account, any_id, key)
