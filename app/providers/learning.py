"""Detect the kind of a server from its answers, if its profile is not configured."""

from __future__ import annotations

from app.providers.model_list import listed, model_ids
from app.providers.profiles import Profile, profile_of
from app.providers.transport import Transport
from app.telemetry import log

#: `owned_by` of the models in a list -> the profile. llama.cpp: tools/server; vLLM: ModelCard;
#: SGLang: ModelCard; Ollama: the namespace; LM Studio: its list of models.
_OWNERS = {
    "llamacpp": "llamacpp",
    "vllm": "vllm",
    "sglang": "sglang",
    "library": "ollama",
    "organization_owner": "lmstudio",
}
#: The `Server` header -> the profile. llama.cpp: tools/server, on each answer.
_SERVERS = {"llama.cpp": "llamacpp"}
_GENERIC = "generic"


class LearnedProfile:
    """A provider's profile: configured, known by its URL, or else detected from answers.

    `detected` names the profile that the server's answers point to, whatever is configured, or
    is None. It looks at every model list, and at the `Server` header of answers until one is
    recognised; if a profile is configured, of the first answer only.
    """

    def __init__(self, profile: Profile, transport: Transport) -> None:
        settings = transport.settings
        self.current = profile
        self.detected: str | None = None
        self._settings = settings
        self._learns = profile.name == _GENERIC and settings.profile is None
        self._header: str | None = None  # the last `Server` header that was looked at
        self._transport = transport
        transport.on_server = self._learn_from_header

    def follow(self, transport: Transport) -> None:
        """Learn from this transport from now on, which is a copy of the previous one."""
        self._transport = transport

    def models(self, body: bytes) -> tuple[str, ...]:
        """Return the ids in a model list, and learn from it what kind of server sent it.

        Raises:
            UpstreamMisbehaved: it is not a model list.
        """
        ids = model_ids(body)
        self._learn(_server_in(body))
        return ids

    def _learn_from_header(self, header: str) -> None:
        if header == self._header:
            return
        self._header = header
        name = _SERVERS.get(header.partition("/")[0].strip().lower())
        self._learn(name)
        if name or not self._learns:
            self._transport.on_server = None  # headers have nothing more to teach

    def _learn(self, name: str | None) -> None:
        if name is None:
            return
        self.detected = name
        if self._learns and self.current.name != name:
            self.current = profile_of(self._settings, name)
            log.info("profile_learned", provider=self._settings.name, profile=name)


def _server_in(body: bytes) -> str | None:
    """Return the profile for the `owned_by` that all models in a list share, None without one."""
    owners = {str(model.get("owned_by")) for _, model in listed(body)}
    return _OWNERS.get(owners.pop()) if len(owners) == 1 else None
