"""What a server does differently, as a value: nothing branches on a name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: How much of tool_choice is understood: all of it; all but allowed_tools; only auto, none and
#: required; nothing, so that the field is never sent.
ToolChoiceForm = Literal["full", "named", "modes", "never"]
#: Where the effort goes: a field of that name, OpenRouter's object, the chat template, a switch
#: that is on or off, nowhere.
EffortField = Literal[
    "reasoning_effort", "reasoning", "chat_template_kwargs", "enable_thinking", "none"
]
#: Where a server counts the tokens of a request: nowhere, beside the endpoint that answers it, or
#: with its tokenizer.
CounterPlace = Literal["none", "beside", "tokenize"]
#: The tiers that a server has: OpenAI's, Azure's few of them, Groq's, Anthropic's.
TierNames = Literal["openai", "azure", "groq", "anthropic"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The quirks of a server.

    The defaults are those of one that nobody knows: it has the core of its format, and none of
    what only OpenAI's own service takes (U22).

    All formats:
        whole: whether an answer that is wanted whole is asked for whole; else it is streamed to
            us, because that server works on when the caller of a whole answer hangs up, or has
            models that think in streams alone.
        object_arguments: whether the arguments of calls in the history must be a JSON object;
            what a model wrote that is none is wrapped into one.
        key_header: the header that the key goes into; `Authorization` makes it a bearer.
        tiers: what its service tiers are called, where `service_tier` may be sent.
        input_counter: see CounterPlace.
        one_system: whether only one system message may lead; several are joined then.
        late_system: whether one may come once another has spoken; else the user says such things.

    Chat Completions:
        max_tokens: the field for the output's bound.
        developer_role: whether there is one; else such messages, and instructions, are `system`.
        text_arrays: whether several text parts stay apart; else they are one string.
        images, files: whether such parts are read; else they are refused.
        strict_tools, parallel_tool_calls, stream_options: whether the field may be sent.
        strict_false: whether `strict: false` may be sent; Chat takes what is left out for that.
        prefill: whether the conversation may end with what the assistant said; else the user is
            made to ask for more, since some servers refuse it.
        nine_character_ids: whether the ids of calls must be nine letters or digits.
        strict_roles: whether only the assistant may speak behind outputs of calls: a word of it is
            put between. No `late_system` there.
        one_user: whether what the user says in a row is one message.
        tool_names: whether a tool's message names the function, beside the id of its call.
        signed_calls: whether calls must have a signature of the model's; those that another one
            has made say so in its place.
        tool_choice: see ToolChoiceForm. What is not understood is said by leaving tools out.
        quiet_calls: whether the model can be made to call a tool only while it does not think, so
            that it is told not to.
        json_schema: whether answers can be held to one; else the prompt asks for it in words, and
            `json_object` is asked for where that is known.
        effort: see EffortField. `coarse_effort` says that only low, medium and high are known
            (and none, which turns thinking off), `thinking_switch` that none has its own field.
        reasoning_field: the field of an assistant message in which the reasoning that led to its
            tool calls is sent back (U16); "" drops it.
        empty_reasoning: whether that field is sent, empty, where there is no reasoning; models that
            take an empty text for none are sent a blank.
        plain_reasoning: whether Messages and Responses servers, too, are sent it back as it can be
            read, where nothing seals it; `empty_reasoning` holds for them then.
        reasoning_after_calls: whether that field is sent as well with what the assistant says
            behind calls, until somebody else speaks.
        returns_unknown_fields: whether fields of its answers that are not known here are sent
            back to it (U15); servers that know their own messages by heart refuse some.
        seed_field: the name of `seed` there.
        tells_reasoning: whether its reasoning can be read in its answers.
        think_tag: the tag between which the server may leave thoughts in the text, before what is
            said; "" where it never does.
        total_has_thoughts: whether thoughts are counted in the total of its tokens alone; they
            are output, which is what the total has beside the input then.
        metadata: whether metadata is sent; OpenAI keeps the conversation then (`store`).
        The others name a parameter, and say whether it may be sent.

    Messages:
        cache_control: whether prompts are marked for the server's cache (U23); `prompt_cache` of
            gateway.toml says it, too.
        output_effort: whether models that think within a budget heed an effort in `output_config`.
        bearer_key: whether the key goes into `Authorization` as well, as a bearer.

    Responses:
        prompt_cache_options: whether they are known, and breakpoints in the input (U23).
        text_format: whether text.format is heeded; else `response_format` says it, as in Chat.
        encrypted_reasoning: whether reasoning can be asked for, and sent back, encrypted.
        phase: whether the `phase` of a message is read; else it is left out.
        message_ids: whether what the assistant said is sent with an id and a status, which servers
            want that read by the types of OpenAI's own client.
        hosted_items: whether what tools did that the server runs itself is read in the input, under
            ids of its own or another's; else it is sent in words (R24).
        compaction: whether it compacts conversations, and reads what it has made of them.
        refusals: whether refusals are read in the input; else they are sent as text.
        tells_cut: whether an answer that was cut says so; else one that is as long as it might
            be was cut.
        custom_tools, namespaces: whether the server knows such tools, their items and their
            events; else they are functions to it.
        tool_search: whether it knows searches among tools, and items that bring tools or change the
            configuration; else the request has what they do.
        shell_tools: whether it knows the tools `shell`, `apply_patch` and `local_shell`, which
            callers run.
        reasoning_text: whether the text of its reasoning is shown as what it is (A3), and not as a
            summary; `reasoning_text` of gateway.toml says it, too.
        A model that is known by name to be older than such tools gets the other form.

    A quirk that is named here under one format has, where it makes sense, the same meaning in
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


#: What is taken for granted of a server that nobody knows.
GENERIC = Profile()
