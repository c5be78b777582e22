"""What a server is, detected by its answers where it is not configured."""

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
    """The profile of a provider: as configured or known by its URL, or else by what it answers.

    `detected` is the name of what the server says that it is, whatever is configured; None where
    it has not said so. The first answer says it, and each list of models.
    """

    def __init__(self, profile: Profile, transport: Transport) -> None:
        settings = transport.settings
        self.current = profile
        self.detected: str | None = None
        self._settings = settings
        self._learns = profile.name == _GENERIC and settings.profile is None
        self._header: str | None = None  # the last that was learned from
        self._transport = transport
        transport.on_server = self._learn_from_header

    def follow(self, transport: Transport) -> None:
        """Learn from what comes this way from now on: a copy of the way before."""
        self._transport = transport

    def models(self, body: bytes) -> tuple[str, ...]:
        """Return the ids of a list of models, which tells who serves them, too.

        Raises:
            UpstreamMisbehaved: when it is no such list.
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
            self._transport.on_server = None  # nothing more is to be learned of it

    def _learn(self, name: str | None) -> None:
        if name is None:
            return
        self.detected = name
        if self._learns and self.current.name != name:
            self.current = profile_of(self._settings, name)
            log.info("profile_learned", provider=self._settings.name, profile=name)


def _server_in(body: bytes) -> str | None:
    """Return what the owner of all the models in a list is the name of."""
    owners = {str(model.get("owned_by")) for _, model in listed(body)}
    return _OWNERS.get(owners.pop()) if len(owners) == 1 else None
