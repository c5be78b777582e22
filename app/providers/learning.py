"""What a server is, learned from what it says of itself, where nobody has said it."""

from __future__ import annotations

from app.providers.model_list import model_ids
from app.providers.profiles import Profile, profile_of
from app.providers.reading.json_text import loads
from app.providers.transport import Transport
from app.settings import ProviderSettings
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
    """The profile of a provider: what is configured or told by its URL, or else what it says it is.

    `told` is the name of what the server was heard to be, whatever is configured; None where it
    has not said so. It is heard with the first answer, and with each list of models.
    """

    def __init__(self, settings: ProviderSettings, profile: Profile, transport: Transport) -> None:
        self.current = profile
        self.told: str | None = None
        self._settings = settings
        self._learns = profile.name == _GENERIC and settings.profile is None
        self._transport = transport
        transport.on_server = self._hear_server

    def models(self, body: bytes) -> tuple[str, ...]:
        """Return the ids of a list of models, which tells who serves them, too.

        Raises:
            UpstreamMisbehaved: when it is no such list.
        """
        ids = model_ids(body)
        self._hear(_server_in(body))
        return ids

    def _hear_server(self, header: str) -> None:
        name = _SERVERS.get(header.partition("/")[0].strip().lower())
        self._hear(name)
        if name or not self._learns:
            self._transport.on_server = None  # nothing more is to be learned of it

    def _hear(self, name: str | None) -> None:
        if name is None:
            return
        self.told = name
        if self._learns and self.current.name != name:
            self.current = profile_of(self._settings, name)
            log.info("profile_learned", provider=self._settings.name, profile=name)


def _server_in(body: bytes) -> str | None:
    """Return what the owner of all the models in a list is the name of."""
    data = loads(body)["data"] or ()
    owners = {str(model.get("owned_by")) for model in data if isinstance(model, dict)}
    return _OWNERS.get(owners.pop()) if len(owners) == 1 else None
