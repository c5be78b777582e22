"""/v1/models: the models that the caller's key may use (E8, G10)."""

from __future__ import annotations

from hashlib import sha256

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from app.api import auth, context
from app.api.http.bodies import pacing
from app.api.http.json_response import json_response
from app.api.http.response import WSGIResponse
from app.domain.models import ModelCard
from app.schemas.wire.models.agent_catalog import agent_catalog
from app.schemas.wire.models.cards import MODEL, MODEL_LIST

bp = Blueprint("models", __name__, url_prefix="/v1/models")
auth.require_key(bp)


@bp.get("")
def list_models() -> ResponseReturnValue:
    """List the models that this key may use; in Codex's form if it sends `client_version`."""
    cards, pause = list[ModelCard](), pacing()
    for card in context.services().catalog.cards(context.caller()):
        cards.append(card)
        pause()  # there may be thousands
    if "client_version" in request.args:
        body = agent_catalog(cards)
        tag = {"ETag": f'"{sha256(body).hexdigest()[:32]}"'}
        return WSGIResponse(body, headers=tag, content_type="application/json")
    return json_response(MODEL_LIST.dump(cards))


@bp.get("/<path:model_id>")
def retrieve_model(model_id: str) -> ResponseReturnValue:
    """Describe one model; its id may contain slashes."""
    return json_response(MODEL.dump(context.services().catalog.card(model_id, context.caller())))
