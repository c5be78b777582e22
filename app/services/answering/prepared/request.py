"""A request that is ready to be answered."""

from __future__ import annotations

from app.domain.accounts.accounts import Caller
from app.domain.frozen import frozen_dataclass
from app.domain.request import CreateRequest, Parameters
from app.domain.response import Response
from app.domain.tools.deferred import deferred_names
from app.domain.turns.turn import Thread
from app.services.answering.unseen_items import in_thread
from app.services.upstreams.catalog import Target


@frozen_dataclass(frozen=True, slots=True)
class PreparedRequest:
    """A request ready to be answered: its targets, what the model sees, the response at its start.

    `user_hash` is stored with its turn; `deferred` are the names of the tools that the caller
    expects a server to search for (G3).
    """

    caller: Caller
    request: CreateRequest
    targets: tuple[Target, ...]
    thread: Thread
    response: Response
    user_hash: str = ""
    deferred: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls,
        caller: Caller,
        request: CreateRequest,
        targets: tuple[Target, ...],
        thread: Thread,
        response: Response,
        user_hash: str = "",
    ) -> PreparedRequest:
        """Return the request, ready to be answered."""
        deferred = deferred_names(request.parameters.tools, thread.added)
        return cls(caller, request, targets, thread, response, user_hash, deferred)

    @property
    def parameters(self) -> Parameters:
        """The request's parameters, as items of the thread have changed them (G3)."""
        thread, parameters = self.thread, self.request.parameters
        is_changed = thread.added or thread.update is not None
        return in_thread(parameters, thread) if is_changed else parameters
