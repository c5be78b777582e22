"""The request of a caller, and the request that is made from it for a provider."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import field
from typing import Any, Literal

from app.domain.answer_options import PLAIN_TEXT, CacheOptions, ReasoningOptions, TextOptions
from app.domain.frozen import frozen_dataclass
from app.domain.hosted.policy import NOTHING_PASSES, PassPolicy
from app.domain.items import InputItem, Item
from app.domain.tools import (
    FUNCTIONS_ONLY,
    FunctionTool,
    NamedFunction,
    NamedHostedTool,
    Tool,
    ToolChoice,
    functions_of,
)
from app.errors import GatewayError

#: How a request asks for a compaction as its only answer: by an item at the end of its input (G7),
#: or by its endpoint (G6).
CompactionRequest = Literal["trigger", "endpoint"]

INCLUDE_ENCRYPTED = "reasoning.encrypted_content"
INCLUDE_LOGPROBS = "message.output_text.logprobs"


@frozen_dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """Parameters of the model's answer. None means that the caller left them out."""

    instructions: str | None = None
    max_output_tokens: int | None = None
    max_tool_calls: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    top_logprobs: int | None = None
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice = "auto"
    parallel_tool_calls: bool | None = None
    reasoning: ReasoningOptions | None = None
    text: TextOptions = PLAIN_TEXT
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    prompt_cache_options: CacheOptions | None = None
    service_tier: str | None = None
    seed: int | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    include: frozenset[str] = frozenset()

    @property
    def functions(self) -> tuple[FunctionTool, ...]:
        """The functions among the tools, by the names that models know."""
        return functions_of(self.tools)

    @property
    def only_function(self) -> str:
        """The name of the only callable function, "" if there are several, or none."""
        if isinstance(self.tool_choice, NamedHostedTool):
            return ""
        if isinstance(self.tool_choice, NamedFunction):
            return self.tool_choice.name
        functions = self.functions
        return functions[0].name if len(functions) == 1 else ""


#: Parameters of a request that sets none.
NO_PARAMETERS = Parameters()


@frozen_dataclass(frozen=True, slots=True, kw_only=True)
class CreateRequest:
    """The body of POST /v1/responses, validated.

    `ignored` names parameters that no upstream acts on (R1). `has_cache_breakpoints` says that a
    part of the input has one, `detailed_parts` which types of its parts have a `detail`.
    `conversation` is a conversation's id. `retention_days` is how long it is kept as far as is
    known, None for ever. `model` may only be empty if a schema loads it for an endpoint that needs
    none. `forwarded` are fields, by path, that providers may be sent unchanged (P1); `passed` is
    the policy by which it was read: what the first provider is sent unchanged. `only_searches` is
    the error for a continuing request whose only tools are searches, which are left out, unless an
    earlier turn has declared a tool (R7). `compaction` says that the answer shall be one; with more
    input tokens than `compact_threshold` the answer begins with one.
    """

    model: str
    input: tuple[InputItem, ...]
    parameters: Parameters = Parameters()
    stream: bool = False
    store: bool = True
    background: bool = False
    previous_response_id: str | None = None
    conversation: str | None = None
    retention_days: int | None = None
    truncation: Literal["auto", "disabled"] = "disabled"
    compaction: CompactionRequest | None = None
    compact_threshold: int | None = None
    ignored: tuple[str, ...] = ()
    has_cache_breakpoints: bool = False
    detailed_parts: frozenset[str] = frozenset()
    forwarded: Mapping[str, Any] = field(default_factory=dict)
    passed: PassPolicy = NOTHING_PASSES
    only_searches: GatewayError | None = None

    @property
    def continues(self) -> bool:
        """Whether the model first sees an earlier conversation."""
        return self.previous_response_id is not None or self.conversation is not None


@frozen_dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """The request to one provider: its own model id, the full context, the parameters.

    `items` has no references; reasoning items carry only payloads of this provider. `history_tools`
    are tool definitions of earlier turns, for upstreams that require a definition for every call in
    the history (S6). `reasons` says whether the model reasons; None leaves that to its name.
    `has_cache_breakpoints` says that the input of this request has one, and `detailed_parts` which
    types of its parts have a `detail`. `known_tools` are the types of tools that the provider
    knows, beside functions: the parameters contain no others, and calls of others appear in the
    items as function calls. `key` is the key of the provider's pool with which the payloads in the
    items were made; None if there are none. `forwarded` are fields, by path, that it is sent
    unchanged; `left_out` names what the caller sent and this provider is not sent, though another
    may be (P1, P2). Nothing is remembered of a request that `is_private`.
    """

    model: str
    items: tuple[Item, ...]
    parameters: Parameters
    stream: bool
    history_tools: Collection[FunctionTool] = ()
    max_output_tokens_default: int | None = None
    reasons: bool | None = None
    has_cache_breakpoints: bool = False
    detailed_parts: frozenset[str] = frozenset()
    known_tools: frozenset[str] = FUNCTIONS_ONLY
    key: str | None = None
    forwarded: Mapping[str, Any] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    is_private: bool = False
