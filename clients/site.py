"""A gateway as a user runs it, in front of the test bed's upstream: web, worker and Redis."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import redis_server
from tests.e2e import gateway as gateways
from tests.e2e.gateway import Keys
from tests.e2e.workers import working
from tests.processes import until
from tests.upstream import client as upstreams
from tests.upstream.client import Upstream


@dataclass(frozen=True, slots=True)
class Format:
    """What stands upstream: an API, the model there, and the server's profile.

    `call_ids` are those of the model's calls, as such a server makes them. `takes_reasoning`:
    whether the gateway knows where the server wants its reasoning back.
    """

    name: str
    api: str
    upstream_model: str
    call_ids: tuple[str, str, str]
    profile: str = ""
    takes_reasoning: bool = True

    @property
    def knows_tools(self) -> bool:
        """Whether the server knows the tools of agents, and is sent them as they are."""
        return self.profile == "openai"

    @property
    def model(self) -> str:
        """The model's id at the gateway: clients tell by its beginning that it reasons."""
        return f"gpt-5-over-{self.name}"

    @property
    def listed_model(self) -> str:
        """The id of the model that agents find in the gateway's catalogue."""
        return f"house-over-{self.name}"


#: The upstream's name of a model that the gateway lists, for agents.
LISTED_MODEL = "house-model"

_SWITCHING = 101
_PLAIN_IDS = ("call_1", "call_2", "call_3")
FORMATS = (
    # Some servers count the calls of each answer anew.
    Format(
        "completions",
        "chat_completions",
        "thinker",
        ("call_0", "call_1", "call_0"),
        takes_reasoning=False,
    ),
    Format(
        "kimi",
        "chat_completions",
        "kimi-k3",
        ("functions.get_weather:0", "functions.get_weather:1", "functions.get_weather:2"),
        profile="moonshot",
    ),
    Format("responses", "responses", "gpt-5.2", _PLAIN_IDS),
    Format("openai", "responses", "gpt-5.6", _PLAIN_IDS, profile="openai"),
    Format("messages", "anthropic_messages", "claude-sonnet-4-5", _PLAIN_IDS),
)


@dataclass(frozen=True, slots=True)
class Site:
    """Everything that runs, and a key for the clients."""

    upstream: Upstream
    url: str
    key: str
    log_file: Path

    def log_lines(self, event: str) -> list[dict[str, Any]]:
        """Return what the gateway has logged of a kind of event."""
        text = self.log_file.read_text().rpartition("\n")[0]
        lines = (json.loads(line) for line in text.splitlines() if line[:1] == "{")
        return [line for line in lines if line.get("event") == event]

    def websocket_responses(self) -> int:
        """Return how many responses were asked for on WebSockets, once all of those are closed."""
        until(lambda: self._open_websockets() == 0, "the WebSockets to be closed")
        return sum(line["responses"] for line in self.log_lines("websocket_closed"))

    def _open_websockets(self) -> int:
        opened = [line for line in self.log_lines("request") if line["status"] == _SWITCHING]
        return len(opened) - len(self.log_lines("websocket_closed"))


@contextlib.contextmanager
def running(directory: Path) -> Iterator[Site]:
    """Run everything; its files are in the directory."""
    with (
        redis_server.running("--appendonly", "yes", directory=directory) as redis_url,
        upstreams.running() as upstream,
    ):
        config = directory / "gateway.toml"
        config.write_text("\n".join(_tables(each, upstream.places.url) for each in FORMATS))
        env = gateways.environment(redis_url, config, UPSTREAM_KEY="upstream-key")
        key = gateways.make_key("clients", env)
        with (
            gateways.running(env, Keys(key, key), directory, "gevent", 2) as gateway,
            working(env, directory),
        ):
            yield Site(upstream, gateway.url, key, gateway.log_file)


def _tables(format_: Format, url: str) -> str:
    profile = f'profile = "{format_.profile}"\n' if format_.profile else ""
    return f"""
[providers.{format_.name}]
api = "{format_.api}"
base_url = "{url}/v1"
api_key_env = "UPSTREAM_KEY"
{profile}
[models."{format_.model}"]
provider = "{format_.name}"
upstream_model = "{format_.upstream_model}"

[models."{format_.listed_model}"]
provider = "{format_.name}"
upstream_model = "{LISTED_MODEL}"
reasoning = true
context_window = 200000
"""
