"""/v1/models: what this key may use (E8)."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue

from app.api import auth
from app.api import context as current
from app.api.http.json_response import json
from app.domain.models import ModelCard

bp = Blueprint("models", __name__, url_prefix="/v1/models")
auth.require_key(bp)


@bp.get("")
def list_models() -> ResponseReturnValue:
    """List the models that this key may use."""
    cards = current.services().catalog.cards(current.caller())
    return json({"object": "list", "data": [_shown(card) for card in cards]})


@bp.get("/<path:model_id>")
def retrieve_model(model_id: str) -> ResponseReturnValue:
    """Describe one model; ids may hold a slash."""
    return json(_shown(current.services().catalog.card(model_id, current.caller())))


def _shown(card: ModelCard) -> dict[str, object]:
    return {
        "id": card.id,
        "object": "model",
        "created": card.created_at,
        "owned_by": card.owned_by,
    }
