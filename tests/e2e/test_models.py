"""The list of models, in OpenAI's form and in Codex's (E8, G10)."""

from __future__ import annotations

from typing import Any

import openai

from app.schemas.wire.models.agent_catalog import AGENT_CATALOG
from app.schemas.wire.models.cards import MODEL
from tests.e2e.gateway import Gateway


def test_openais_client_reads_models_and_what_they_can_do(openai_client: openai.OpenAI) -> None:
    listed = {model.id: model for model in openai_client.models.list()}
    model: Any = openai_client.models.retrieve("falls-back")
    assert listed["falls-back"] == model
    assert MODEL.validate(model.model_dump(exclude_unset=True)) == {}
    assert model.supports["structured_outputs"] is True


def test_codex_is_given_its_catalogue_under_a_tag(gateway: Gateway) -> None:
    first, second = (gateway.call("GET", "/v1/models?client_version=0.171.0") for _ in range(2))
    assert AGENT_CATALOG.validate(first.json()) == {}
    ids = [model["id"] for model in gateway.call("GET", "/v1/models").json()["data"]]
    assert [model["slug"] for model in first.json()["models"]] == ids
    assert first.headers["ETag"] == second.headers["ETag"]
    assert "X-Ignored-Parameters" not in first.headers
