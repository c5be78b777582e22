"""What a turn starts from: the context of its parent, then its own input, made whole."""

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

#: Items that need no id where nobody sees it: no upstream is sent theirs. MEASURED: to mint the ids
#: of 300 takes a tenth of their request.
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
    """Return what the request's turn starts from; `key` is for what is encrypted of that.

    `context_of` returns the context that an account's response leaves, or its status while it has
    not ended, or the context of a conversation; it raises NotFound (services/conversations).
    `summary_of` returns what a compaction holds, None for another service's; it raises
    InvalidRequest.

    Raises:
        InvalidRequest: the parent is unknown or still running (S1, S2), or a call has no output
            or an output no call (S4), a compaction cannot be opened (G8), or there is nothing that
            a model could answer (G3).
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
    """Return the thread as items of those kinds have it that most conversations have none of.

    Calls of hosted tools stand beside their outputs, what changes the request has changed it, and
    compactions stand for what was before them. `own` are the request's items; the others as for
    `_with_replaced` and `hosted_in_order`.
    """
    # MEASURED: a look through 300 items takes 7 us; each of the three had one of its own.
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
    """Return what the model sees of an input that continues nothing, and the input.

    It sees the very values that came where only ids are new: what those became for a server may be
    known (openai_chat/messages/known.py). MEASURED: a stored request of 300 items takes a fifth
    less. What a job sees is listed, and what a compaction leaves: there the ids count.
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
    """Return the id of a turn that continues another, and what of the context is its own input.

    What is stored nowhere has no branch to stand on: its items begin a conversation anew.
    """
    if context.position is None:
        return ids.first_id(), context.items
    return ids.new_id("resp", tag_of(parent_id) or ids.new_tag()), ()


def _with_replaced(
    thread: Thread,
    inputs: Iterable[tuple[Item, ...]],
    summary_of: Callable[[Compaction], Summary | None],
) -> Thread:
    """Return the thread with the places of what its last compaction stands for (G8).

    `inputs` are those of the turns before. Messages of the user that came in one input with the
    compaction stay where it says so.
    """
    thread = replace(thread, has_compactions=True)
    for item in thread.own:
        if isinstance(item, Compaction):
            summary_of(item)  # refused if it is no good, whatever follows it
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
    """Return the items of the context by their ids, but for those that are left out of it.

    It has none where no id is given that could be looked up.
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
    """Return the turn's own input: references resolved, ids minted, nothing repeated.

    Reasoning without its payload has the one that is stored under its id (S5).

    `known` are the items of the context by their ids, but for those that are left out of it; `find`
    finds stored ones.
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
    taken = set(known)  # one list may not have two items of one id: no page could go on from it
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
    """Return the items, with new ids where they have none and are not `nameless`."""
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
    """Return what is stored of the wanted items; while the store is away reasoning stays bare."""
    try:
        return find(wanted)
    except StorageUnavailable:
        if ItemReference in map(type, given):
            raise
        return {}
