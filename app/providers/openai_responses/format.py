"""OpenAI's Responses as a wire format, for upstreams that speak it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.domain.models import ModelFacts
from app.domain.request import INCLUDE_ENCRYPTED, INCLUDE_LOGPROBS, ModelRequest
from app.domain.tools import NamespaceTool, runs_tools
from app.providers.input_counter import InputCounter
from app.providers.openai_responses.reader import ResponsesReader
from app.providers.openai_responses.request import ignored, to_upstream
from app.providers.profiles import Profile, facts_of, known_tools
from app.providers.reading.events import EventReader, Fault
from app.providers.reading.fields import Note
from app.providers.writing.openai import bearer
from app.settings import ProviderSettings

#: Next to the answers' endpoint (platform.openai.com, "Get input token counts").
COUNTER = InputCounter(
    "/responses/input_tokens",
    frozenset(
        {
            "model",
            "input",
            "instructions",
            "tools",
            "tool_choice",
            "parallel_tool_calls",
            "reasoning",
            "text",
        }
    ),
)


class ResponsesFormat:
    """Responses. Implements http.WireFormat."""

    known_tools = staticmethod(known_tools)
    ignored = staticmethod(ignored)
    to_upstream = staticmethod(to_upstream)

    def paths(self, _base_url: str) -> tuple[str, str]:
        """Return the paths for answers and for the model list; see WireFormat."""
        return "/responses", "/models"

    def headers(self, settings: ProviderSettings, profile: Profile) -> dict[str, str]:
        """Return the header with the key; see WireFormat."""
        return bearer(settings.api_key, profile.key_header)

    def reader(
        self,
        request: ModelRequest,
        sent: Mapping[str, Any],
        profile: Profile,
        fault: Fault,
        note: Note,
    ) -> EventReader:
        """Return the reader of an answer; see WireFormat.

        If the server does not report that it cut an answer, the limit that was sent shows it.
        """
        cut_at = None if profile.tells_cut else sent.get("max_output_tokens")
        has_namespaces = NamespaceTool.type in request.known_tools
        reader = ResponsesReader(
            fault,
            cut_at,
            note,
            has_namespaces=has_namespaces,
            carries=runs_tools(request.known_tools),
            shows_text=profile.reasoning_text,
            is_encrypted=INCLUDE_ENCRYPTED in sent.get("include", ()),
            passes=runs_tools(request.known_tools) or bool(request.forwarded),
            shows_logprobs=INCLUDE_LOGPROBS in request.parameters.include,
        )
        return EventReader(reader)

    def reads_compactions(self, profile: Profile) -> bool:
        """Tell whether the server compacts conversations; see WireFormat."""
        return profile.compaction

    def input_counter(self, _base_url: str, profile: Profile) -> InputCounter | None:
        """Return the token counter; see WireFormat."""
        return COUNTER if profile.input_counter == "beside" else None

    def facts(self, model: str) -> ModelFacts:
        """Return what a model's name says about it; see WireFormat."""
        return facts_of(model)

    def needs_output_limit(self, _model: str) -> bool:
        """Return False: the format does not need one; see WireFormat."""
        return False

    def output_limits(self, _models: bytes) -> Mapping[str, int]:
        """Return none: model lists of this format do not have them; see WireFormat."""
        return {}
