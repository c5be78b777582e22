"""OpenAI's Chat Completions as a wire format."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.domain.models import ModelFacts
from app.domain.request import INCLUDE_ENCRYPTED, INCLUDE_LOGPROBS, ModelRequest
from app.domain.tools import FUNCTIONS_ONLY
from app.providers.input_counter import InputCounter
from app.providers.openai_chat.kept_fields import KeptFields
from app.providers.openai_chat.message import MessageReader
from app.providers.openai_chat.reader import ChatReader
from app.providers.openai_chat.request import ignored, to_upstream
from app.providers.profiles import Profile, facts_of, may_reason
from app.providers.reading.counts import Counts
from app.providers.reading.events import Fault
from app.providers.reading.fields import Note
from app.providers.writing.openai import bearer
from app.settings import ProviderSettings

_COUNTED = frozenset({"model", "messages", "tools", "chat_template_kwargs"})
#: llama.cpp's counter, next to the answers' endpoint, and vLLM's tokenizer, at the root.
COUNTERS = {
    "beside": InputCounter("/chat/completions/input_tokens", _COUNTED),
    "tokenize": InputCounter("/tokenize", _COUNTED, number="count", at_root=True),
}


class ChatFormat:
    """Chat Completions. Implements http.WireFormat."""

    ignored = staticmethod(ignored)
    to_upstream = staticmethod(to_upstream)

    def known_tools(self, _model: str, _profile: Profile) -> frozenset[str]:
        """Return none: this format has functions only; see WireFormat."""
        return FUNCTIONS_ONLY

    def paths(self, _base_url: str) -> tuple[str, str]:
        """Return the paths for answers and for the model list; see WireFormat."""
        return "/chat/completions", "/models"

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
    ) -> ChatReader:
        """Return the reader of an answer, which keeps the fields to return; see WireFormat."""
        kept = KeptFields(
            request.model,
            note,
            fields=profile.returns_unknown_fields,
            text=INCLUDE_ENCRYPTED in request.parameters.include,
        )
        kept.signs = profile.thinking_parts
        shows_logprobs = INCLUDE_LOGPROBS in request.parameters.include
        message = MessageReader(note, kept, shows_logprobs=shows_logprobs)
        message.parameters = request.parameters
        if profile.think_tag and may_reason(request):
            message.think_tag = profile.think_tag
        counts = Counts(total_has_thoughts=profile.total_has_thoughts)
        return ChatReader(fault, note, message, counts, sent.get(profile.max_tokens))

    def reads_compactions(self, _profile: Profile) -> bool:
        """The format has none; see WireFormat."""
        return False

    def input_counter(self, _base_url: str, profile: Profile) -> InputCounter | None:
        """Return the token counter; see WireFormat."""
        return COUNTERS.get(profile.input_counter)

    def facts(self, model: str) -> ModelFacts:
        """Return what a model's name says about it; see WireFormat."""
        return facts_of(model)

    def needs_output_limit(self, _model: str) -> bool:
        """Return False: the format does not need one; see WireFormat."""
        return False

    def output_limits(self, _models: bytes) -> Mapping[str, int]:
        """Return none: model lists of this format do not have them; see WireFormat."""
        return {}
