"""Which clients there are, and in which ways each of them keeps a conversation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

COMMON = Path(__file__).parent / "common"
PACKAGES = Path(__file__).parent / "packages"

#: stored: the gateway keeps the conversation. stateless: the client sends all of it each time,
#: with `store: false` and its reasoning encrypted. replayed: all of it, though it is stored.
#: both: all of it, and previous_response_id too. background: stored, and not waited for.
#: conversation: the gateway, in a conversation of its own. compacted: as stateless, and shortened
#: after the first question. connected: a WebSocket, and nothing is stored.
Mode = Literal[
    "stored",
    "stateless",
    "replayed",
    "both",
    "background",
    "conversation",
    "compacted",
    "connected",
]
#: How answers come: at once, as a stream, or as a WebSocket's frames, which a package may have for
#: asynchronous callers, too.
Way = Literal["whole", "streamed", "websocket", "websocket, async"]
#: weather: two questions, each with its loop of one function. workshop: every kind of tool that a
#: package runs. structured: a form that the model has to fill. suite: the cases of a compliance
#: suite.
Story = Literal["weather", "workshop", "structured", "suite"]


def is_websocket(way: Way) -> bool:
    """Tell whether answers come by a WebSocket."""
    return way.startswith("websocket")


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A client: its folder's name under packages/, and what it can do.

    `ways` are those in which it takes answers. `drops_reasoning` names the modes in which the
    package itself sends no reasoning back, or but one half of it, so that no gateway could pass it
    on.
    """

    name: str
    modes: tuple[Mode, ...]
    ways: tuple[Way, ...] = ("whole", "streamed")
    drops_reasoning: tuple[Mode, ...] = ()
    story: Story = "weather"
    #: The tool by which an agent runs commands, in place of a function of ours.
    shell_tool: str = ""
    #: The calls of the workshop that its package cannot make.
    lacks: frozenset[str] = frozenset()
    #: The formats that it is not for, with what it wants of a server.
    but: frozenset[str] = frozenset()
    #: The program of a package that is one, in place of a module of ours.
    program: str = ""

    @property
    def folder(self) -> Path:
        return PACKAGES / self.name

    def ways_of(self, mode: Mode) -> tuple[Way, ...]:
        """Return the ways in which answers can come where the conversation is kept like that."""
        if mode == "background":  # not streamed by who asks for it
            return ("whole",)
        if mode == "connected":
            return tuple(way for way in self.ways if is_websocket(way))
        return self.ways

    @property
    def is_node(self) -> bool:
        return (self.folder / "package.json").exists()


CLIENTS = (
    Client(
        name="openai_python",
        modes=("stored", "stateless", "background", "connected"),
        ways=("whole", "streamed", "websocket", "websocket, async"),
    ),
    Client(name="openai_tool_runner", modes=("replayed", "stateless")),
    Client(
        name="openai_node",
        modes=("stored", "stateless", "connected"),
        ways=("whole", "streamed", "websocket"),
    ),
    Client(
        name="openai_agents",
        modes=("stored", "replayed", "stateless", "connected"),
        ways=("whole", "streamed", "websocket"),
    ),
    Client(
        name="openai_agents_tools",
        modes=("stateless", "conversation", "compacted"),
        ways=("whole", "streamed", "websocket"),
        story="workshop",
    ),
    Client(
        name="openai_agents_node",
        modes=("stateless", "conversation", "compacted"),
        ways=("whole", "streamed", "websocket"),
        story="workshop",
        lacks=frozenset({"call_note"}),
    ),
    Client(name="langchain_openai", modes=("stored", "stateless")),
    Client(
        name="strands",
        modes=("both", "stateless"),
        ways=("streamed",),
        drops_reasoning=("stateless",),
    ),
    Client(name="semantic_kernel", modes=("both", "stateless"), drops_reasoning=("stateless",)),
    Client(name="agent_framework", modes=("stored", "stateless")),
    Client(name="vercel_ai", modes=("stored", "stateless")),
    Client(name="pydantic_ai", modes=("stored", "stateless")),
    Client(name="litellm", modes=("stored", "stateless")),
    Client(name="litellm_chat", modes=("replayed", "stateless")),
    Client(name="llama_index", modes=("stored", "stateless"), drops_reasoning=("stateless",)),
    Client(name="agno", modes=("replayed", "stateless"), drops_reasoning=("replayed",)),
    Client(name="ag2", modes=("replayed", "stateless")),
    Client(name="haystack", modes=("stored", "stateless")),
    Client(name="any_llm", modes=("stored", "stateless")),
    Client(
        name="inspect_ai",
        modes=("replayed", "stateless"),
        ways=("whole",),
        drops_reasoning=("stateless",),
    ),
    Client(name="instructor", modes=("replayed",), ways=("whole",), story="structured"),
    Client(name="llm", modes=("stateless",)),
    Client(name="langchain_node", modes=("stored", "stateless")),
    Client(name="mirascope", modes=("replayed",)),
    Client(name="ai_sdk_open_responses", modes=("replayed",)),
    Client(name="opencode", modes=("stateless",), ways=("streamed",), shell_tool="bash"),
    Client(name="pi", modes=("stateless",), ways=("streamed",), shell_tool="bash"),
    Client(
        name="continue_cli",
        modes=("replayed",),
        ways=("streamed",),
        drops_reasoning=("replayed",),
        shell_tool="Bash",
    ),
    Client(
        name="open_responses",
        modes=("stored",),
        ways=("whole",),
        story="suite",
        but=frozenset({"kimi"}),  # which reads no files
    ),
)
CODEX = Client(name="codex", modes=("stateless",), ways=("streamed",), program="codex")
EVERY_CLIENT = (*CLIENTS, CODEX)
