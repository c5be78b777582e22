"""A server's peculiarities as a value, so that no code branches on a server's name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: Which forms of tool_choice are supported: all; all but allowed_tools; only auto, none and
#: required; none, so that the field is never sent.
ToolChoiceForm = Literal["full", "named", "modes", "never"]
#: Where the effort is sent: in a field of that name, there for models that are listed to take it,
#: in OpenRouter's object, to the chat template, as an on/off switch, nowhere.
EffortField = Literal[
    "reasoning_effort", "listed", "reasoning", "chat_template_kwargs", "enable_thinking", "none"
]
#: Where a server counts the tokens of a request: nowhere, next to the endpoint for answers, or at
#: its tokenizer's endpoint.
CounterPlace = Literal["none", "beside", "tokenize"]
#: Whose service tiers a server has: OpenAI's, Azure's subset of them, Groq's, Anthropic's.
TierNames = Literal["openai", "azure", "groq", "anthropic"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The quirks of a server.

    The defaults are those of an unknown server: it supports the core of its format, and nothing
    that only OpenAI's own service accepts (U22).

    All formats:
        whole: whether an answer that the caller wants whole is requested whole; else it is streamed
            from the server, because the server would keep working for a caller who has left, or
            has models that think only in streams.
        object_arguments: whether the arguments of calls in the history must be a JSON object;
            other text that a model wrote is wrapped into one.
        key_header: the header for the key; in `Authorization` it is a bearer token.
        tiers: the names of its service tiers, if `service_tier` may be sent.
        input_counter: see CounterPlace.
        one_system: whether there may be only one leading system message; several are joined.
        late_system: whether one may follow other messages; else it is sent as a user message.

    Chat Completions:
        max_tokens: the field for the output limit.
        developer_role: whether there is one; else such messages, and instructions, are `system`.
        text_arrays: whether several text parts are sent as such; else they are joined to a string.
        images, files: whether such parts are read; else they are refused.
        strict_tools, parallel_tool_calls, stream_options: whether the field may be sent.
        strict_false: whether `strict: false` may be sent; it is Chat's default.
        prefill: whether the conversation may end with a message of the assistant; else a user
            message that asks for more is added, since some servers refuse it.
        nine_character_ids: whether the ids of calls must be nine letters or digits.
        strict_roles: whether outputs of calls must be followed by an assistant's message: one is
            inserted if need be. Implies no `late_system`.
        one_user: whether consecutive user messages are joined into one.
        tool_names: whether a tool's message names the function, beside the id of its call.
        signed_calls: whether calls must have the model's signature; calls made by another model
            get a placeholder for it.
        tool_choice: see ToolChoiceForm. Other forms are expressed by leaving tools out.
        quiet_calls: whether the model can be made to call a tool only while it does not think, so
            that it is told not to.
        json_schema: whether answers can be held to one; else the prompt asks for it in words, and
            `json_object` is requested if that is supported.
        effort: see EffortField. `coarse_effort` says that only low, medium and high are known
            (and none, which turns thinking off), `thinking_switch` that none has its own field.
        reasoning_field: the field of an assistant message in which the reasoning that led to its
            tool calls is sent back (U16); "" drops it, but for models that require theirs: an
            unknown server of such a model gets it in `reasoning_content`.
        empty_reasoning: whether that field is sent empty if there is no reasoning; models that
            take an empty text for a missing one get a blank.
        thinking_parts: whether reasoning is sent back as parts of the content that precede the
            text, with all of the assistant's messages.
        plain_reasoning: whether Messages and Responses servers, too, are sent reasoning back as
            readable text if it is not encrypted or signed; `empty_reasoning` then applies to them.
        reasoning_after_calls: whether that field is also sent with the assistant's messages that
            follow calls, until a message of somebody else.
        returns_unknown_fields: whether unknown fields of its answers are sent back to it (U15);
            servers with a closed schema for messages refuse some.
        seed_field: the name of `seed` there.
        tells_reasoning: whether its answers contain readable reasoning.
        think_tag: the tag in which the server may leave thoughts at the start of the text; "" if
            it never does.
        total_has_thoughts: whether reasoning tokens are counted in the total only; the output is
            then the total without the input.
        metadata: whether metadata is sent; OpenAI then keeps the conversation (`store`).
        The others name a parameter, and say whether it may be sent.

    Messages:
        cache_control: whether prompts are marked for the server's cache (U23); `prompt_cache` of
            gateway.toml sets it, too.
        output_effort: whether models with a thinking budget honour an effort in `output_config`.
        bearer_key: whether the key is sent in `Authorization` as well, as a bearer token.

    Responses:
        prompt_cache_options: whether they are known, and breakpoints in the input (U23).
        text_format: whether text.format is honoured; else `response_format` is sent, as in Chat.
        encrypted_reasoning: whether reasoning can be requested, and sent back, encrypted.
        phase: whether the `phase` of a message is read; else it is left out.
        message_ids: whether the assistant's messages are sent with an id and a status, which
            servers require that validate with the types of OpenAI's own client.
        hosted_items: whether items of tools that a server ran are read in the input, whichever
            server made their ids; else they are sent as text (R24).
        compaction: whether it compacts conversations, and reads its own compaction items.
        refusals: whether refusals are read in the input; else they are sent as text.
        tells_cut: whether the server reports that it cut an answer; else one that reaches its limit
            counts as cut.
        custom_tools, namespaces: whether the server knows such tools, their items and their
            events; else they are functions to it.
        tool_search: whether it knows tool searches, and items that add tools or change the
            configuration; else their effect is written into the request.
        shell_tools: whether it knows the tools `shell`, `apply_patch` and `local_shell`, which
            callers run.
        reasoning_text: whether the text of its reasoning is shown as such (A3), and not as a
            summary; `reasoning_text` of gateway.toml sets it, too.
        A model whose name shows that it is older than such tools gets the other form.

    A quirk that is listed here under one format has, where it makes sense, the same meaning in
    the others.
    """

    name: str = "generic"
    whole: bool = True
    object_arguments: bool = False
    key_header: Literal["Authorization", "api-key"] = "Authorization"
    max_tokens: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    developer_role: bool = False
    text_arrays: bool = False
    input_counter: CounterPlace = "none"
    one_system: bool = False
    late_system: bool = True
    images: bool = True
    files: bool = True
    strict_tools: bool = True
    strict_false: bool = False
    prefill: bool = False
    nine_character_ids: bool = False
    strict_roles: bool = False
    one_user: bool = False
    tool_names: bool = False
    signed_calls: bool = False
    tool_choice: ToolChoiceForm = "named"
    quiet_calls: bool = False
    parallel_tool_calls: bool = True
    stream_options: bool = True
    json_schema: bool = True
    json_object: bool = True
    effort: EffortField = "reasoning_effort"
    coarse_effort: bool = False
    thinking_switch: bool = False
    reasoning_field: str = ""
    empty_reasoning: bool = False
    thinking_parts: bool = False
    plain_reasoning: bool = False
    reasoning_after_calls: bool = False
    returns_unknown_fields: bool = True
    tells_reasoning: bool = True
    think_tag: str = "think"
    total_has_thoughts: bool = False
    verbosity: bool = False
    logprobs: bool = True
    seed: bool = True
    seed_field: Literal["seed", "random_seed"] = "seed"
    penalties: bool = True
    user: bool = True
    service_tier: bool = False
    tiers: TierNames = "openai"
    safety_identifier: bool = False
    prompt_cache_key: bool = False
    prompt_cache_retention: bool = False
    metadata: bool = False
    cache_control: bool = False
    output_effort: bool = False
    bearer_key: bool = False
    prompt_cache_options: bool = False
    text_format: bool = True
    encrypted_reasoning: bool = True
    phase: bool = True
    message_ids: bool = True
    hosted_items: bool = False
    compaction: bool = False
    refusals: bool = True
    tells_cut: bool = True
    custom_tools: bool = False
    namespaces: bool = False
    tool_search: bool = False
    shell_tools: bool = False
    reasoning_text: bool = False

    @property
    def is_unknown(self) -> bool:
        """Whether this is the profile of a server of which nothing is known but its quirks."""
        return self.name == "generic"


#: The profile of an unknown server.
GENERIC = Profile()
