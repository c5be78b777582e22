"""Stores or remembers a response that has ended, as its request asks."""

from __future__ import annotations

from app.domain.request import CreateRequest
from app.domain.response import Response
from app.domain.stream.replay.cuts import StreamCuts
from app.domain.tools import functions_of
from app.domain.turns.turn import Turn
from app.errors import GatewayError, InvalidRequest, NotFound, Unavailable
from app.services.answering.prepared.request import PreparedRequest
from app.services.answering.turn_memory import TurnMemory
from app.services.conversations.service import Conversations
from app.store.responses.base import ResponseStore


class TurnSaver:
    """Stores responses, or remembers them on their connections, as their requests ask."""

    def __init__(self, store: ResponseStore, conversations: Conversations) -> None:
        self._store = store
        self._conversations = conversations

    def save(
        self,
        prepared: PreparedRequest,
        cuts: StreamCuts | None,
        response: Response,
        memory: TurnMemory | None,
    ) -> None:
        """Store or remember a response; `cuts` says where it was cut into events, if streamed.

        Raises:
            Unavailable: another process has already ended it.
            InvalidRequest, NotFound: what it continues was purged meanwhile.
            StorageUnavailable: it is to be stored, and Redis is unreachable.
        """
        request, start, caller = prepared.request, prepared.thread, prepared.caller
        if request.store:
            turn = Turn(
                caller.account,
                response,
                start.own,
                request.parameters.include,
                start.position,
                request.conversation,
                bytes(cuts) if cuts is not None else b"",
                prepared.user_hash,
                caller.content_key,
            )
            try:
                is_ours = self._store.save(turn)
            except NotFound:
                raise _parent_purged(request) from None
            if not is_ours:
                raise Unavailable("Another process took this one for lost, and ended the answer.")
            return
        if request.conversation is not None and response.status in ("completed", "incomplete"):
            self._conversations.append_unkept(caller, start.own, response)
        if memory is not None:
            memory.keep(start, functions_of(request.parameters.tools), response)


def _parent_purged(request: CreateRequest) -> GatewayError:
    """Return the error for a turn that has lost its place: that of its parent's id (S1, N11)."""
    what = "was purged while this answer was made: send the whole conversation."
    if request.conversation is not None:
        return NotFound(
            f"Conversation with id '{request.conversation}' {what}",
            param="conversation",
            code="conversation_not_found",
        )
    return InvalidRequest(
        f"Previous response with id '{request.previous_response_id}' {what}",
        param="previous_response_id",
        code="previous_response_not_found",
    )
