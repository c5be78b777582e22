"""/v1/models: what this key may use (E8)."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue

from app.api import auth, context
from app.api.http.json_response import json_response
from app.schemas.wire.answers import MODEL, MODEL_LIST

bp = Blueprint("models", __name__, url_prefix="/v1/models")
auth.require_key(bp)


@bp.get("")
def list_models() -> ResponseReturnValue:
    """List the models that this key may use."""
    cards = context.services().catalog.cards(context.caller())
    return json_response(MODEL_LIST.dump(cards))


@bp.get("/<path:model_id>")
def retrieve_model(model_id: str) -> ResponseReturnValue:
    """Describe one model; ids may hold a slash."""
    return json_response(MODEL.dump(context.services().catalog.card(model_id, context.caller())))
