"""The request of a caller, and the request that is made of it for a provider."""

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

#: How a request asks for a compaction as its only answer: by an item at the end of its input (G7),
#: or by the endpoint that it is sent to (G6).
CompactionRequest = Literal["trigger", "endpoint"]

INCLUDE_ENCRYPTED = "reasoning.encrypted_content"
INCLUDE_LOGPROBS = "message.output_text.logprobs"


@frozen_dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What shapes the model's answer. None means that the caller left it out."""

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
        """The functions among the tools, under the names by which models know them."""
        return functions_of(self.tools)

    @property
    def only_function(self) -> str:
        """The name of the one function that can be called, "" where there are more, or none."""
        if isinstance(self.tool_choice, NamedHostedTool):
            return ""
        if isinstance(self.tool_choice, NamedFunction):
            return self.tool_choice.name
        functions = self.functions
        return functions[0].name if len(functions) == 1 else ""


#: Those of a request that says nothing of how it is to be answered.
NO_PARAMETERS = Parameters()


@frozen_dataclass(frozen=True, slots=True, kw_only=True)
class CreateRequest:
    """The body of POST /v1/responses, validated.

    `ignored` names what was sent and is not acted on, whatever the upstream (R1).
    `has_cache_breakpoints` says that a part of the input has one, `detailed_parts` which types of
    its parts say in what detail they are to be looked at. `conversation` is the id of one.
    `retention_days` is for how long it is kept, None for ever, as far as is known.
    `model` may be empty only where a schema loads it for an endpoint that does not need one.
    `forwarded` are fields, by path, that providers may be sent as they came (P1); it was read by
    `passed`, what the first of them is sent so.
    `compaction` says that the answer is to be one; with more input tokens than `compact_threshold`
    the answer begins with one.
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

    @property
    def continues(self) -> bool:
        """Whether what came before is what the model sees first."""
        return self.previous_response_id is not None or self.conversation is not None


@frozen_dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """The request to one provider: its own model id, the whole context, the parameters.

    `items` holds no references; reasoning items carry only payloads that this provider gave.
    `history_tools` are tool definitions of earlier turns, for upstreams that want a definition
    for every call in the history (S6). `reasons` says whether the model does; None leaves it to
    the model's name. `has_cache_breakpoints` says that what this request brings has one, and
    `detailed_parts` which types of its parts say in what detail they are to be looked at.
    `known_tools` are the types of tools that the provider knows, beside functions: the parameters
    have no others, and the items stand for calls of others as calls of functions. `key` is the one
    of the provider's pool by which the payloads in the items came; None where there are none.
    `forwarded` are fields, by path, that it is sent as they came; `left_out` names what the caller
    asked for and this provider is not sent, though another may be (P1, P2). Of what is sent of a
    request that `is_private` nothing is remembered.
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
