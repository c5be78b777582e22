"""The profiles of model vendors and hosts. Each flag has its source beside it.

"As documented" means the vendor's own reference of Chat Completions, as of November 2026. No host
could be tested.

A parameter that a source does not name is not sent: that costs an entry in X-Ignored-Parameters,
whereas an unknown field would cost a 400.
"""

from __future__ import annotations

from dataclasses import replace

from app.providers.profiles.openai import OPENAI_SERVERS
from app.providers.profiles.profile import GENERIC
from app.providers.profiles.servers import OPEN

#: Hosts of open models: their templates require an object for arguments; they read no files, and
#: none documents encrypted reasoning.
_HOSTED = replace(
    GENERIC,
    object_arguments=True,
    files=False,
    strict_tools=False,
    coarse_effort=True,
    encrypted_reasoning=False,
)
#: Google's, for its own models. docs: parallel_tool_calls and logprobs are not among the supported
#: parameters. Internally, a call's arguments are an object.
_GOOGLE = replace(
    _HOSTED,
    parallel_tool_calls=False,
    logprobs=False,
    user=False,
    total_has_thoughts=True,  # mozilla-ai/any-llm 1290, router-for-me/CLIProxyAPI 5733
    tool_names=True,  # NousResearch/hermes-agent 19728
    signed_calls=True,  # ai.google.dev, "Thought signatures"
)

VENDORS = (
    *OPENAI_SERVERS,
    # docs.anthropic.com, "OpenAI SDK compatibility": its list of ignored fields. For its own
    # format, providers.anthropic defines the meaning of these flags.
    replace(
        GENERIC,
        name="anthropic",
        think_tag="",
        strict_tools=False,
        json_schema=False,
        json_object=False,
        effort="none",
        logprobs=False,
        seed=False,
        penalties=False,
        user=False,
        service_tier=True,
        tiers="anthropic",
        cache_control=True,  # platform.claude.com, "Prompt caching"
    ),
    # docs.aws.amazon.com/bedrock, "Chat Completions API": max_completion_tokens; open models.
    replace(
        _HOSTED,
        name="bedrock",
        max_tokens="max_completion_tokens",
        encrypted_reasoning=True,  # OpenAI's own models are served there too, by Responses
        think_tag="reasoning",  # browseros-ai/BrowserOS 167: around each piece of a stream
        logprobs=False,
        user=False,
    ),
    # cloud.google.com/vertex-ai, "OpenAI compatibility": the supported parameters; seed and the
    # penalties are among them, and other parameters are ignored.
    replace(_GOOGLE, name="vertex"),
    # ai.google.dev, "OpenAI compatibility". `Unknown name "X": Cannot find field` (400) is on
    # record for seed and frequency_penalty (Vali-98/ChatterUI 227), prompt_cache_key
    # (leookun/cursor-byok 112), parallel_tool_calls (jackmpcollins/magentic 382).
    replace(_GOOGLE, name="gemini", seed=False, penalties=False),
    # console.groq.com, "OpenAI compatibility": logprobs, top_logprobs are a 400, unknown fields
    # too (`property 'prompt_cache_key' is unsupported`), also in messages; "Service tiers":
    # on_demand, flex. The penalties are "not yet supported by any of our models". groq 1.7: an
    # assistant's message has `reasoning`, "for models that support reasoning".
    replace(
        _HOSTED,
        name="groq",
        max_tokens="max_completion_tokens",
        logprobs=False,
        penalties=False,
        service_tier=True,
        tiers="groq",
        reasoning_field="reasoning",
        returns_unknown_fields=False,
    ),
    # The vendor's OpenAPI document closes the request (additionalProperties: false). Its client
    # (cerebras-cloud-sdk 1.91) has prompt_cache_key, and names a function in tool_choice; it has
    # the penalties, parallel_tool_calls and service_tier, too, which are on record as a 400
    # (agentjido/req_llm, guide), as is `strict` for some models.
    replace(
        _HOSTED,
        name="cerebras",
        max_tokens="max_completion_tokens",
        parallel_tool_calls=False,
        penalties=False,
        returns_unknown_fields=False,
        prompt_cache_key=True,
    ),
    # docs.mistral.ai, ChatCompletionRequest, and the vendor's client (mistralai 3.7): a closed
    # schema (`extra_forbidden`, a 422) with random_seed, logprobs, prompt_cache_key, without user,
    # stream_options (usage is always sent); a tool has `strict`. Only some models accept
    # reasoning_effort, each its own efforts (any other is a 400); and "always replay the assistant
    # turn back with its ThinkChunks" (@mistralai/mistralai 2.2, reasoning_multi_turn). Ids of
    # calls: "must be a-z, A-Z, 0-9, with a length of 9" (a 400).
    replace(
        GENERIC,
        name="mistral",
        files=False,
        nine_character_ids=True,
        strict_roles=True,
        stream_options=False,
        effort="listed",
        thinking_parts=True,
        seed_field="random_seed",
        user=False,
        returns_unknown_fields=False,
        prompt_cache_key=True,
    ),
    # docs.x.ai, "Chat completions": max_completion_tokens; its cache is controlled by a header.
    replace(
        GENERIC,
        name="xai",
        max_tokens="max_completion_tokens",
        files=False,
        coarse_effort=True,
    ),
    # The vendor's OpenAPI document (platform.kimi.ai): max_completion_tokens, prompt_cache_key,
    # safety_identifier, thinking, json_schema, `strict` (true by default); no
    # tool_choice, seed, user, logprobs. "thinking is enabled but reasoning_content is missing in
    # assistant tool call message" is a 400 (librechat.ai, Moonshot).
    replace(
        _HOSTED,
        name="moonshot",
        bearer_key=True,
        max_tokens="max_completion_tokens",
        strict_tools=True,
        strict_false=True,
        tool_choice="never",
        parallel_tool_calls=False,
        thinking_switch=True,
        reasoning_field="reasoning_content",
        empty_reasoning=True,
        plain_reasoning=True,  # NousResearch/hermes-agent 17510: required by its Messages API
        logprobs=False,
        seed=False,
        user=False,
        safety_identifier=True,
        prompt_cache_key=True,
    ),
    # api-docs.deepseek.com, "Create chat completion": text only; no user, seed, json_schema,
    # parallel_tool_calls. "Thinking mode": turns with calls must have their reasoning_content.
    replace(
        OPEN,
        name="deepseek",
        images=False,
        output_effort=True,  # "Anthropic API": budget_tokens is ignored
        quiet_calls=True,  # deepseek-ai/DeepSeek-V3 1376: "Thinking mode does not support this"
        parallel_tool_calls=False,
        json_schema=False,
        thinking_switch=True,
        reasoning_field="reasoning_content",
        empty_reasoning=True,
        reasoning_after_calls=True,
        plain_reasoning=True,  # a 400 "must be passed back to the API" in each format without it
        seed=False,
        user=False,
    ),
    # help.aliyun.com/model-studio, "Deep thinking"; "parameter.enable_thinking must be set to false
    # for non-streaming calls" is a 400 (langchain4j 3974), as are arguments that are not JSON.
    replace(
        _HOSTED,
        name="dashscope",
        whole=False,
        tool_choice="never",
        json_schema=False,
        effort="enable_thinking",
        logprobs=False,
        user=False,
    ),
    # docs.z.ai, "Chat completion", "Thinking mode", and the vendor's client (zai-sdk 0.2):
    # tool_choice is auto only, response_format json_object only, no penalties, user (user_id),
    # logprobs, stream_options; only the client has `seed`. Reasoning is "explicitly preserved
    # and returned together with the tool results".
    replace(
        _HOSTED,
        name="zai",
        bearer_key=True,
        tool_choice="never",
        parallel_tool_calls=False,
        stream_options=False,
        json_schema=False,
        thinking_switch=True,
        reasoning_field="reasoning_content",
        empty_reasoning=True,
        logprobs=False,
        seed=False,
        penalties=False,
        user=False,
    ),
    # platform.minimax.io, "OpenAI compatible API": max_completion_tokens, thinking; no tool_choice,
    # response_format, penalties, seed, reasoning_effort; answers must be sent back whole. A second
    # system message (MiniMax-AI/MiniMax-M2 27, 51) is a 400, "invalid chat setting (2013)".
    replace(
        _HOSTED,
        name="minimax",
        bearer_key=True,
        one_system=True,
        late_system=False,
        max_tokens="max_completion_tokens",
        tool_choice="never",
        parallel_tool_calls=False,
        json_schema=False,
        json_object=False,
        effort="none",
        thinking_switch=True,
        reasoning_field="reasoning_content",
        empty_reasoning=True,
        logprobs=False,
        seed=False,
        penalties=False,
        user=False,
    ),
    # docs.together.ai, and the vendor's client (together 3.1): logprobs is a number there.
    replace(_HOSTED, name="together", parallel_tool_calls=False, logprobs=False, user=False),
    # docs.fireworks.ai, and the vendor's client (fireworks-ai 1.2): prompt_cache_key controls its
    # cache, service_tier has OpenAI's names, a function has `strict`, messages reasoning_content.
    replace(
        _HOSTED,
        name="fireworks",
        strict_tools=True,
        reasoning_field="reasoning_content",
        service_tier=True,
        prompt_cache_key=True,
    ),
    # openrouter.ai/docs, "Parameters", "Reasoning tokens": verbosity, user, reasoning; reasoning is
    # sent back in `reasoning` and `reasoning_details`. It drops what a model's host does not know.
    replace(
        GENERIC,
        name="openrouter",
        bearer_key=True,
        effort="reasoning",
        reasoning_field="reasoning",
        verbosity=True,
    ),
    # docs.perplexity.ai, "Chat completions": no seed, logprobs, parallel_tool_calls
    # (docs.getbifrost.ai too), json_object; usage is always sent. The vendor's client
    # (perplexityai 0.46): tool_choice is a mode. "After the (optional) system message(s), user and
    # assistant roles should be alternating" is a 400 (perplexityai/api-discussion 265).
    replace(
        GENERIC,
        name="perplexity",
        late_system=False,
        one_user=True,
        files=False,
        strict_tools=False,
        tool_choice="modes",
        parallel_tool_calls=False,
        stream_options=False,
        json_object=False,
        coarse_effort=True,
        logprobs=False,
        seed=False,
        user=False,
    ),
)
