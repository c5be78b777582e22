"""Anthropic's Messages as a wire format."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from app.domain.models import MODALITIES, NOTHING_KNOWN, ModelFacts
from app.domain.request import ModelRequest
from app.domain.tools import FUNCTIONS_ONLY
from app.providers.anthropic.families import family_of, has_known_family
from app.providers.anthropic.reader import MessagesReader
from app.providers.anthropic.request import ignored, to_upstream
from app.providers.input_counter import InputCounter
from app.providers.model_list import output_limits
from app.providers.profiles import Profile
from app.providers.reading.events import EventReader, Fault
from app.providers.reading.fields import Note
from app.providers.writing.openai import bearer
from app.settings import ProviderSettings

VERSION = "2023-06-01"

#: docs.anthropic.com, "Token counting": request fields that are not input are refused.
_COUNTED = frozenset({"model", "messages", "system", "tools", "tool_choice", "thinking"})


class MessagesFormat:
    """Messages. Implements http.WireFormat."""

    ignored = staticmethod(ignored)
    to_upstream = staticmethod(to_upstream)

    def known_tools(self, _model: str, _profile: Profile) -> frozenset[str]:
        """Return none: this format has functions only; see WireFormat."""
        return FUNCTIONS_ONLY

    def paths(self, base_url: str) -> tuple[str, str]:
        """Return the paths for answers and for the whole model list; see WireFormat.

        /v1 is added where Anthropic's own clients omit it: to a bare host, or a path that ends in
        /anthropic. If the base URL has a query of its own, the list's `limit` is left out.
        """
        last = urlsplit(base_url).path.strip("/").rpartition("/")[2]
        root = "/v1" if last in ("", "anthropic") else ""
        models = "/models" if "?" in base_url else "/models?limit=1000"
        return f"{root}/messages", root + models

    def headers(self, settings: ProviderSettings, profile: Profile) -> dict[str, str]:
        """Return the version of the format and the key; see WireFormat.

        A token of three parts, such as a directory's, is a bearer as well.
        """
        if not (key := settings.api_key):
            return {"anthropic-version": VERSION}
        is_bearer = profile.bearer_key or key.count(".") == 2
        bearer_too = bearer(key, "Authorization") if is_bearer else {}
        return {"anthropic-version": VERSION, "x-api-key": key} | bearer_too

    def reader(
        self,
        _request: ModelRequest,
        _sent: Mapping[str, Any],
        _profile: Profile,
        fault: Fault,
        note: Note,
    ) -> EventReader:
        """Return the reader of an answer; see WireFormat."""
        return EventReader(MessagesReader(fault, note))

    def reads_compactions(self, _profile: Profile) -> bool:
        """The format has none; see WireFormat."""
        return False

    def input_counter(self, base_url: str, profile: Profile) -> InputCounter | None:
        """Return the token counter; see WireFormat."""
        if profile.input_counter != "beside":
            return None
        answers, _ = self.paths(base_url)
        return InputCounter(f"{answers}/count_tokens", _COUNTED)

    def facts(self, model: str) -> ModelFacts:
        """Return what is known of the model's family; see WireFormat."""
        if not has_known_family(model):
            return NOTHING_KNOWN
        family = family_of(model)
        return ModelFacts(
            max_output_tokens=family.most_output_tokens,
            input_modalities=MODALITIES if family.reads_images else ("text",),
            reasoning=family.thinking != "none",
        )

    def needs_output_limit(self, model: str) -> bool:
        """Return True for models of no known family: the format requires one; see WireFormat."""
        return not has_known_family(model)

    def output_limits(self, models: bytes) -> Mapping[str, int]:
        """Return the limits of models of no known family; see WireFormat.

        A family's limit may be low on purpose: some refuse input and limit beyond the context.
        """
        limits = output_limits(models)
        return {model: most for model, most in limits.items() if not has_known_family(model)}
