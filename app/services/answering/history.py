"""Builds the thread that a turn starts from: its parent's context, then its own input, resolved."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import replace

from app.domain.accounts.content_key import ContentKey
from app.domain.hosted.item import HostedItem
from app.domain.ids import IdGenerator, is_conversation_id, tag_of
from app.domain.items import (
    Compaction,
    FunctionCall,
    FunctionCallOutput,
    InputItem,
    Item,
    ItemReference,
    Message,
    with_id,
)
from app.domain.request import CreateRequest
from app.domain.response import Status
from app.domain.turns.compaction import Summary, is_of_user, stays
from app.domain.turns.repeats import (
    first_spoken_anew,
    has_repeated_ids,
    is_repeated,
    looked_up,
    under_new_id,
    with_payload,
)
from app.domain.turns.turn import Context, Thread
from app.errors import InvalidRequest, NotFound, StorageUnavailable
from app.services.answering.call_order import is_in_order
from app.services.answering.call_pairing import CallPairing
from app.services.answering.hosted_pairs import hosted_in_order
from app.services.answering.unseen_items import CHANGING, with_changes
from app.store.responses.base import ResponseStore

#: Items that need no id unless a caller can see it: upstreams are not sent theirs. MEASURED:
#: minting ids for 300 items takes a tenth of their request.
_NAMELESS: frozenset[type] = frozenset({Message, FunctionCall, FunctionCallOutput})


def thread_for(
    store: ResponseStore,
    ids: IdGenerator,
    account: str,
    request: CreateRequest,
    context_of: Callable[[str, str], Context | Status],
    summary_of: Callable[[Compaction], Summary | None] = lambda _compaction: None,
    key: ContentKey | None = None,
) -> Thread:
    """Return the thread that the request's turn starts from; `key` decrypts its stored part.

    `context_of` returns the context of an account's response or conversation, or the status of a
    response that has not ended; it raises NotFound (services/conversations). `summary_of` returns
    the summary in a compaction, or None for another service's compaction; it raises
    InvalidRequest.

    Raises:
        InvalidRequest: the parent is unknown or still running (S1, S2), a call has no output or an
            output no call (S4), a compaction cannot be opened (G8), or nothing is left that a model
            could answer (G3).
        NotFound: an item_reference names no stored item of this account (S5), or there is no such
            conversation (N11).
        StorageUnavailable: the store is unreachable.
    """
    parent_id = request.previous_response_id or request.conversation

    def find(item_ids: list[str]) -> Mapping[str, Item]:
        return store.items(account, item_ids, key)

    if parent_id is None:
        response_id = ids.first_id()
        items, own = _paired(request, _resolved(find, ids, request, {}, response_id))
        thread = Thread(response_id, items, own)
        return _with_rare(thread, own, (), summary_of, has_gaps=False)
    context = _parent_context(account, parent_id, context_of)
    response_id, before = _place(ids, parent_id, context)
    pairing = CallPairing(context.items, context.inputs, context.purged)
    known = _known(context.items, request.input, pairing.half_purged())
    own = pairing.add(_resolved(find, ids, request, known, response_id))
    thread = Thread(
        response_id,
        items=pairing.items(),
        own=(*before, *own),
        position=context.position,
        tools=context.tools,
    )
    inputs = (context.items[given.start : given.stop] for given in context.inputs)
    return _with_rare(thread, own, inputs, summary_of, has_gaps=bool(context.purged))


def _with_rare(
    thread: Thread,
    own: tuple[Item, ...],
    inputs: Iterable[tuple[Item, ...]],
    summary_of: Callable[[Compaction], Summary | None],
    *,
    has_gaps: bool,
) -> Thread:
    """Apply the kinds of items that most conversations do not have, and return the thread.

    Hosted tools' calls are moved to their outputs, items that change the request take effect, and
    compactions replace what came before them. `own` are the request's items; for the other
    arguments see `_with_replaced` and `hosted_in_order`.
    """
    # MEASURED: a pass over 300 items takes 7 us; each of the three checks used to make its own.
    kinds = frozenset(map(type, thread.items))
    if HostedItem in kinds:
        items = hosted_in_order(thread.items, own, has_gaps=has_gaps)
        thread = replace(thread, items=items)
    if not CHANGING.isdisjoint(kinds):
        thread = with_changes(thread)
    return _with_replaced(thread, inputs, summary_of) if Compaction in kinds else thread


def _paired(
    request: CreateRequest, own: tuple[Item, ...]
) -> tuple[tuple[Item, ...], tuple[Item, ...]]:
    """Return what the model sees of an input that continues nothing, and the turn's own items.

    If they differ in their ids only, the model sees the very objects of the input: their form for a
    server may be cached (openai_chat/messages/known.py). MEASURED: a stored request of 300 items
    takes a fifth less. The ids do count for a job and a compaction, whose items are listed.
    """
    if is_in_order(own):
        is_listed = request.background or request.compaction
        if is_listed or not _NAMELESS.issuperset(map(type, request.input)):
            return own, own
        return request.input, own  # type: ignore[return-value] # of which none is a reference
    pairing = CallPairing(())
    own = pairing.add(own)
    return pairing.items(), own


def _place(ids: IdGenerator, parent_id: str, context: Context) -> tuple[str, tuple[Item, ...]]:
    """Return the id of a turn that continues another, and the context items that become its own.

    A context that is stored nowhere has no log to branch from: its items start a new conversation.
    """
    if context.position is None:
        return ids.first_id(), context.items
    return ids.new_id("resp", tag_of(parent_id) or ids.new_tag()), ()


def _with_replaced(
    thread: Thread,
    inputs: Iterable[tuple[Item, ...]],
    summary_of: Callable[[Compaction], Summary | None],
) -> Thread:
    """Return the thread with the positions of all items that its last compaction replaces (G8).

    `inputs` are the inputs of the earlier turns. User messages of the same input as the compaction
    are kept if its summary says so.
    """
    thread = replace(thread, has_compactions=True)
    for item in thread.own:
        if isinstance(item, Compaction):
            summary_of(item)  # raises if it is invalid, even if a later one replaces it
    last, summary = _last_summary(thread.items, summary_of)
    if summary is None:
        return thread
    kept: set[int] = set()
    if summary.keeps_messages:
        turns, compaction = (*inputs, thread.own), id(thread.items[last])
        of_its_input = next((given for given in turns if compaction in map(id, given)), ())
        kept = {id(item) for item in of_its_input if is_of_user(item)}
    replaced = (
        place
        for place, item in enumerate(thread.items[:last])
        if type(item) is Compaction or not (stays(item) or id(item) in kept)
    )
    return replace(thread, replaced=frozenset(replaced))


def _last_summary(
    items: tuple[Item, ...], summary_of: Callable[[Compaction], Summary | None]
) -> tuple[int, Summary | None]:
    for place in reversed(range(len(items))):
        item = items[place]
        if isinstance(item, Compaction) and (summary := summary_of(item)) is not None:
            return place, summary
    return 0, None


def _parent_context(
    account: str, parent_id: str, context_of: Callable[[str, str], Context | Status]
) -> Context:
    param = "previous_response_id"
    try:
        context = context_of(account, parent_id)
    except NotFound:
        if is_conversation_id(parent_id):
            raise
        raise InvalidRequest(
            f"Previous response with id '{parent_id}' not found: it was deleted, made with "
            "`store: false`, or is none of this account's.",
            param=param,
            code="previous_response_not_found",
        ) from None
    if isinstance(context, Context):  # however it ended (S3)
        return context
    raise InvalidRequest(
        f"Previous response with id '{parent_id}' has not ended: wait until it has, or cancel it.",
        param=param,
    )


def _known(
    context: tuple[Item, ...], given: tuple[InputItem, ...], half_purged: Container[str]
) -> Mapping[str, Item]:
    """Return the context's items by id, without those whose other half was purged.

    The result is empty if no item of the input has an id to look up.
    """
    if not any(item.id for item in given):
        return {}
    return {item.id: item for item in context if item.id not in half_purged}


def _resolved(
    find: Callable[[list[str]], Mapping[str, Item]],
    ids: IdGenerator,
    request: CreateRequest,
    known: Mapping[str, Item],
    response_id: str,
) -> tuple[Item, ...]:
    """Return the turn's own input: references resolved, ids minted, repeated items left out.

    Reasoning without its payload gets the payload that is stored under its id (S5).

    `known` are the context's items by id, without half-purged ones; `find` looks up stored items.
    """
    given = request.input
    is_listed = request.store or request.conversation or request.compaction
    nameless = frozenset() if is_listed else _NAMELESS
    own = _with_ids(ids, given, nameless, response_id)
    wanted = looked_up(given, known)
    if not (known or wanted or has_repeated_ids(given)):
        return own  # type: ignore[return-value] # of which none is a reference
    stored = _stored(find, given, wanted) if wanted else {}
    resolved: list[Item] = []
    mint = ids.item_minter(response_id)
    anew = first_spoken_anew(given, known)
    taken = set(known)  # ids are unique within a list: a page continues after an id
    for index, (raw, item) in enumerate(zip(given, own, strict=True)):
        if not isinstance(item, ItemReference):
            if raw.id and index < anew and is_repeated(item, known.get(item.id)):
                continue
            item = with_payload(item, stored.get(item.id))
            resolved.append(under_new_id(item, mint) if raw.id and item.id in taken else item)
        elif item.id not in taken:
            if item.id not in stored:
                raise NotFound(
                    f"Item with id '{item.id}' not found. Items of responses that were made with "
                    "`store: false`, or were deleted, cannot be referenced: send the item itself.",
                    param=f"input[{index}].id",
                    code="item_not_found",
                )
            resolved.append(stored[item.id])
        taken.add(item.id)
    return tuple(resolved)


def _with_ids(
    ids: IdGenerator, given: tuple[InputItem, ...], nameless: frozenset[type], response_id: str
) -> tuple[InputItem, ...]:
    """Return the items, with new ids for those that have none and are not `nameless`."""
    if nameless.issuperset(map(type, given)):
        return given
    unnamed = [
        item
        for item in given
        if not (item.id or isinstance(item, ItemReference) or type(item) in nameless)
    ]
    if not unnamed:
        return given
    new_ids = ids.item_ids(response_id, [item.prefix for item in unnamed])
    named = map(with_id, unnamed, new_ids)
    if len(unnamed) == len(given):
        return tuple(named)
    return tuple(item if item.id or type(item) in nameless else next(named) for item in given)


def _stored(
    find: Callable[[list[str]], Mapping[str, Item]], given: tuple[InputItem, ...], wanted: list[str]
) -> Mapping[str, Item]:
    """Return the stored items; while the store is unreachable, raise for references only."""
    try:
        return find(wanted)
    except StorageUnavailable:
        if ItemReference in map(type, given):
            raise
        return {}
