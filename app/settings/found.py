"""The providers of a gateway whose file names none: what the environment and the host offer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from app.settings import readers
from app.settings.errors import SettingsError
from app.settings.values import LOCAL, ProviderSettings

_OPENAI = "https://api.openai.com/v1"
_ANTHROPIC = "https://api.anthropic.com/v1"
_OPENAI_MODELS = ("gpt-*", "chatgpt-*", "codex-*", "o[0-9]*")
_ANTHROPIC_MODELS = ("claude-*",)
_LOOPBACK = {"127.0.0.1", "localhost", "::1", "0.0.0.0"}  # noqa: S104 - compared, not bound

#: Model servers on their usual ports. Whether they are there is asked when it is needed.
_MODEL_SERVERS = (
    ProviderSettings(
        name="ollama",
        api="chat_completions",
        base_url="http://127.0.0.1:11434/v1",
        profile="ollama",
        discover=True,
    ),
    ProviderSettings(
        name="llamacpp",
        api="chat_completions",
        base_url="http://127.0.0.1:8080/v1",
        profile="llamacpp",
        discover=True,
    ),
)


def found_providers(environ: Mapping[str, str], bind: str) -> tuple[ProviderSettings, ...]:
    """Return the vendors whose keys are in `environ`, the local model servers, and `local`.

    `bind` is where this gateway listens: its callers' OPENAI_BASE_URL is not taken for a vendor.

    Raises:
        SettingsError: OPENAI_BASE_URL is no address, or a key's variable holds none.
    """
    return (*_vendors(environ, bind), *_MODEL_SERVERS, LOCAL)


def _vendors(environ: Mapping[str, str], bind: str) -> Iterator[ProviderSettings]:
    if key := _key(environ, "OPENAI_API_KEY"):
        yield from _openai(key, environ.get("OPENAI_BASE_URL", "").strip(), bind)
    if key := _key(environ, "ANTHROPIC_API_KEY"):
        yield ProviderSettings(
            name="anthropic",
            api="anthropic_messages",
            base_url=_ANTHROPIC,
            api_key=key,
            models=_ANTHROPIC_MODELS,
        )


def _key(environ: Mapping[str, str], variable: str) -> str | None:
    text = environ.get(variable, "")
    key = readers.credential(text)
    if key is None and text.strip():
        raise SettingsError(f"{variable} holds no key: a key is printable ASCII without spaces")
    return key


def _openai(key: str, url: str, bind: str) -> Iterator[ProviderSettings]:
    """Yield OpenAI; a server elsewhere is taken to speak what all of them do."""
    try:
        base_url = readers.http_url(url or _OPENAI)
    except ValueError as error:
        raise SettingsError(f"OPENAI_BASE_URL {error}") from None
    elsewhere = urlsplit(base_url).hostname != urlsplit(_OPENAI).hostname
    if not _is_own(base_url, bind):
        yield ProviderSettings(
            name="openai",
            api="chat_completions" if elsewhere else "responses",
            base_url=base_url,
            api_key=key,
            models=_OPENAI_MODELS,
            discover=elsewhere,
        )


def _is_own(base_url: str, bind: str) -> bool:
    url = urlsplit(base_url)
    port = str(url.port or (443 if url.scheme == "https" else 80))
    return url.hostname in _LOOPBACK and port == bind.rpartition(":")[2]
