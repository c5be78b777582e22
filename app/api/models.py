"""/v1/models: what this key may use (E8)."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue

from app.api import auth, current
from app.api.answers import json
from app.services.models import Model

bp = Blueprint("models", __name__, url_prefix="/v1/models")
auth.require_key(bp)


@bp.get("")
def list_models() -> ResponseReturnValue:
    """List the models that this key may use."""
    models = current.services().catalog.models(current.caller())
    return json({"object": "list", "data": [_shown(model) for model in models]})


@bp.get("/<path:model_id>")
def retrieve_model(model_id: str) -> ResponseReturnValue:
    """Describe one model; ids may hold a slash."""
    return json(_shown(current.services().catalog.model(model_id, current.caller())))


def _shown(model: Model) -> dict[str, object]:
    return {
        "id": model.id,
        "object": "model",
        "created": model.created,
        "owned_by": model.owned_by,
    }
