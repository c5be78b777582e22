"""The console's view of responses, conversations, jobs, nodes of a tree, and requests."""

from __future__ import annotations

from typing import Any, get_args

from app.domain.accounts.request_log import LoggedRequest, RequestEntry
from app.domain.response import Status
from app.domain.turns.conversation import Conversation
from app.domain.turns.summary import (
    ConversationTree,
    JobState,
    PendingResponse,
    ResponseSummary,
    TreeNode,
)
from app.schemas.fields import Boolean, Choice, FreeObject, Integer, Number, String
from app.schemas.nesting import ListOf
from app.schemas.wire.document import ALWAYS, OR_NULL, ValueSchema

_SECONDS = "Unix seconds."
_FAR = 1e15
_STATUSES = get_args(Status)


class ResponseRowSchema(ValueSchema[ResponseSummary]):
    about = "A response. Fields that are unknown because it is too large to be examined are null."
    values = (ResponseSummary,)

    object = Choice("console.response", **ALWAYS)
    id = String(**ALWAYS)
    created_at = Integer(0, about=_SECONDS, **ALWAYS)
    status = Choice(*_STATUSES, **ALWAYS)
    model = String(**OR_NULL)
    previous_response_id = String(**OR_NULL)
    conversation = String(**OR_NULL)
    background = Boolean(**ALWAYS)
    encrypted = Boolean(attribute="is_encrypted", **ALWAYS)
    metadata = FreeObject(**OR_NULL)
    input_text = String(about="The beginning of the latest text of the input.", **OR_NULL)
    output_text = String(about="The beginning of the output text.", **OR_NULL)
    input_tokens = Integer(0, **OR_NULL)
    output_tokens = Integer(0, **OR_NULL)
    error_code = String(**OR_NULL)


class ConversationRowSchema(ValueSchema[Conversation]):
    values = (Conversation,)

    id = String(**ALWAYS)
    object = Choice("conversation", **ALWAYS)
    created_at = Integer(0, about=_SECONDS, **ALWAYS)
    metadata = FreeObject(**ALWAYS)
    encrypted = Boolean(attribute="is_encrypted", **ALWAYS)


class JobRowSchema(ValueSchema[PendingResponse]):
    about = "A response that is queued or in progress."
    values = (PendingResponse,)

    object = Choice("console.job", **ALWAYS)
    id = String(attribute="summary.id", **ALWAYS)
    kind = Choice("background", "stream", **ALWAYS)
    status = Choice("queued", "in_progress", attribute="summary.status", **ALWAYS)
    state = Choice(*get_args(JobState), **ALWAYS)
    queue_position = Integer(1, **OR_NULL)
    created_at = Integer(0, attribute="summary.created_at", about=_SECONDS, **ALWAYS)
    model = String(attribute="summary.model", **OR_NULL)
    previous_response_id = String(attribute="summary.previous_response_id", **OR_NULL)
    conversation = String(attribute="summary.conversation", **OR_NULL)
    encrypted = Boolean(attribute="summary.is_encrypted", **ALWAYS)
    metadata = FreeObject(attribute="summary.metadata", **OR_NULL)
    input_text = String(attribute="summary.input_text", **OR_NULL)
    output_text = String(attribute="summary.output_text", **OR_NULL)


class TreeNodeSchema(ValueSchema[TreeNode]):
    about = "A turn, or items that were added to the conversation directly."
    values = (TreeNode,)

    type = Choice("response", "items", **ALWAYS)
    id = String(**ALWAYS)
    parent = String(about="The id of the node that it continues.", **OR_NULL)
    created_at = Integer(0, about=_SECONDS, **OR_NULL)
    status = Choice(*_STATUSES, **OR_NULL)
    model = String(**OR_NULL)
    input_text = String(**OR_NULL)
    output_text = String(**OR_NULL)
    background = Boolean(**OR_NULL)
    deleted = Boolean(
        about="Whether it was deleted, expired or purged; its place in the tree remains.", **ALWAYS
    )

    def _compile(self) -> None:
        super()._compile()
        self.writer = _node


def _node(node: TreeNode) -> dict[str, Any]:
    summary = node.summary
    return {
        "type": "response" if node.is_response else "items",
        "id": node.id,
        "parent": node.parent,
        "created_at": node.created_at,
        "status": summary.status if summary else None,
        "model": summary.model if summary else None,
        "input_text": node.input_text,
        "output_text": summary.output_text if summary else None,
        "background": summary.background if summary else None,
        "deleted": node.is_gone,
    }


class ConversationTreeSchema(ValueSchema[ConversationTree]):
    about = "A conversation with its forks."
    values = (ConversationTree,)

    object = Choice("console.tree", **ALWAYS)
    id = String(about="The requested id.", **ALWAYS)
    conversation = String(**OR_NULL)
    truncated = Boolean(
        attribute="is_cut", about="Whether there are more nodes than these.", **ALWAYS
    )
    nodes = ListOf(TreeNodeSchema(), about="Oldest first.", **ALWAYS)


class RequestRowSchema(ValueSchema[LoggedRequest]):
    about = "An entry of the request log, with the field names of log lines."
    values = (LoggedRequest,)

    object = Choice("console.request", **ALWAYS)
    id = String(**ALWAYS)
    event = Choice("request", "job", **ALWAYS)
    at = Number(0, _FAR, about="Unix seconds, with milliseconds.", **ALWAYS)
    request_id = String(**OR_NULL)
    trace_id = String(**OR_NULL)
    response_id = String(**OR_NULL)
    key_id = String(**ALWAYS)
    method = String(**OR_NULL)
    endpoint = String(**OR_NULL)
    status = Integer(100, **OR_NULL)
    outcome = String(**OR_NULL)
    error_code = String(**OR_NULL)
    model = String(**OR_NULL)
    provider = String(**OR_NULL)
    attempts = Integer(0, **OR_NULL)
    upstream_request_id = String(**OR_NULL)
    input_tokens = Integer(0, **OR_NULL)
    output_tokens = Integer(0, **OR_NULL)
    cost_microusd = Integer(0, **OR_NULL)
    duration_ms = Number(0, _FAR, **OR_NULL)
    upstream_ms = Number(0, _FAR, **OR_NULL)
    waited_ms = Number(0, _FAR, **OR_NULL)

    def _compile(self) -> None:
        super()._compile()
        self.writer = _request


def _request(logged: LoggedRequest) -> dict[str, Any]:
    entry: RequestEntry = logged.entry
    fields = entry._asdict()
    del fields["account"]  # callers only see their own account
    return {"object": "console.request", "id": logged.id, **fields, "at": entry.at / 1000}
