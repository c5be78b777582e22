"""Tools that a provider's server runs itself: sent unchanged, and shown without secrets (P2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from app.domain.hosted.policy import undated

_MARK = "hosted "
#: The tool type with which a model writes programs that call other tools.
PROGRAMS = "programmatic_tool_calling"
#: Aliases of tool types: a choice may use either.
_FAMILIES = {
    "web_search_preview": "web_search",
    "computer_use_preview": "computer",
    "computer_use": "computer",
}
#: Keys that hold secrets anywhere in a tool: of an MCP server, or a container.
_SECRETS = frozenset({"authorization", "headers", "domain_secrets"})
_URL = "server_url"


@dataclass(frozen=True, slots=True)
class HostedTool:
    """`json` is the whole tool as it came, never changed; `path` is its place in the request."""

    json: dict[str, Any] = field(repr=False)
    path: str = field(default="", compare=False)

    @property
    def type(self) -> str:
        """The tool's type, which may be dated."""
        kind: str = self.json["type"]
        return kind

    @property
    def name(self) -> str:
        """Its unique name: no function can have such a name."""
        label = self.json.get("server_label")
        return f"{self.known_as} {label}" if isinstance(label, str) else self.known_as

    @property
    def known_as(self) -> str:
        """Its name among the tools that a provider knows; see Provider.known_tools."""
        return known_as(self.type)

    @property
    def family(self) -> str:
        """The type by which choices name it."""
        return family(self.type)

    @property
    def redacted(self) -> dict[str, Any]:
        """The tool without secrets, as responses show it and stores keep it.

        Like OpenAI, it shows neither tokens and headers nor the path of a server's URL, which may
        contain one (platform.openai.com, "Connectors and MCP servers").
        """
        return redacted(self.json)


def known_as(tool_type: str) -> str:
    """Return the name of a tool type among the tools that a provider knows."""
    return _MARK + undated(tool_type)


def runs_tools(known: AbstractSet[str]) -> bool:
    """Tell whether a provider with these known tools runs tools itself."""
    return any(each.startswith(_MARK) for each in known)


def hosted_types(known: AbstractSet[str]) -> frozenset[str]:
    """Return the types of the tools that such a provider runs itself."""
    return frozenset(each[len(_MARK) :] for each in known if each.startswith(_MARK))


def allowed_of(known: AbstractSet[str], allowed: Iterable[str] | None) -> frozenset[str]:
    """Return the known tools without hosted ones that a key does not allow; None allows all."""
    if allowed is None:
        return frozenset(known)
    kept = set(map(known_as, allowed))
    return frozenset(each for each in known if each in kept or not each.startswith(_MARK))


def family(tool_type: str) -> str:
    """Return the canonical type for all aliases of a tool in choices."""
    bare = undated(tool_type)
    return _FAMILIES.get(bare, bare)


def redacted(json: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object without secrets, and with only the origin of a server's URL."""
    return {
        key: _origin(each) if key == _URL else _redacted(each)
        for key, each in json.items()
        if key not in _SECRETS
    }


def _redacted(value: Any) -> Any:
    if isinstance(value, list):
        return [_redacted(each) for each in value]
    return redacted(value) if isinstance(value, Mapping) else value


def _origin(url: object) -> str | None:
    try:
        parts = urlsplit(url if isinstance(url, str) else "")
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not host:
        return None
    if ":" in host:  # IPv6: the port would be ambiguous
        host = f"[{host}]"
    return f"{parts.scheme}://{host}" + (f":{port}" if port else "")
