"""/console/api: the data of the caller's account that the console's page shows (N24)."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue

from app.api import auth, context
from app.api.console.queries import list_query, log_query, status_query
from app.api.http.content_key import take_content_key
from app.api.http.json_response import json_response
from app.schemas.console.answers import (
    CONVERSATION_PAGE,
    JOB_LIST,
    REQUEST_PAGE,
    RESPONSE_PAGE,
    SESSION,
    TREE,
)
from app.services.console.reads import ConsoleReads

bp = Blueprint("console_data", __name__, url_prefix="/console/api")
auth.require_key(bp)
take_content_key(bp)


def _reads() -> ConsoleReads:
    return context.services().console


@bp.get("/session")
def read_session() -> ResponseReturnValue:
    """Return the caller's identity and permissions."""
    return json_response(SESSION.dump(_reads().session(context.caller())))


@bp.get("/responses")
def list_responses() -> ResponseReturnValue:
    """List the account's responses, newest first."""
    page = _reads().responses(context.caller(), list_query(status_query()))
    return json_response(RESPONSE_PAGE.dump(page))


@bp.get("/conversations")
def list_conversations() -> ResponseReturnValue:
    """List the account's conversations that have an id, newest first."""
    page = _reads().conversations(context.caller(), list_query())
    return json_response(CONVERSATION_PAGE.dump(page))


@bp.get("/responses/<response_id>/tree")
def read_tree_of_response(response_id: str) -> ResponseReturnValue:
    """Return the conversation that a response belongs to, with its forks."""
    return json_response(TREE.dump(_reads().tree_of_response(context.caller(), response_id)))


@bp.get("/conversations/<conversation_id>/tree")
def read_tree_of_conversation(conversation_id: str) -> ResponseReturnValue:
    """Return a conversation with its forks."""
    found = _reads().tree_of_conversation(context.caller(), conversation_id)
    return json_response(TREE.dump(found))


@bp.get("/jobs")
def list_jobs() -> ResponseReturnValue:
    """List the account's waiting and running jobs, oldest first."""
    return json_response(JOB_LIST.dump(_reads().pending(context.caller())))


@bp.get("/requests")
def list_requests() -> ResponseReturnValue:
    """List the requests of the account's keys, newest first."""
    caller = context.caller()
    page = _reads().requests(caller, log_query(caller.account))
    return json_response(REQUEST_PAGE.dump(page))
