"""The profiles of OpenAI's service and of Azure's. Each flag has its source beside it."""

from __future__ import annotations

from dataclasses import replace

from app.providers.profiles.profile import GENERIC

#: OpenAI's OpenAPI document, CreateChatCompletionRequest and CreateResponse.
_OPENAI = replace(
    GENERIC,
    name="openai",
    prefill=True,
    max_tokens="max_completion_tokens",
    developer_role=True,
    text_arrays=True,
    strict_false=True,
    tool_choice="full",
    tells_reasoning=False,
    think_tag="",
    verbosity=True,
    service_tier=True,
    safety_identifier=True,
    prompt_cache_key=True,
    prompt_cache_retention=True,
    prompt_cache_options=True,
    custom_tools=True,
    namespaces=True,
    tool_search=True,
    shell_tools=True,
    compaction=True,
    message_ids=False,  # it accepts messages without an id, and would not know ours
)
#: Azure's API is OpenAI's; learn.microsoft.com, "v1 API": the key goes into `api-key`; "Priority
#: processing": the tiers are auto, default and priority. It hosts other vendors' models as well.
_AZURE = replace(
    _OPENAI,
    name="azure",
    key_header="api-key",
    tiers="azure",
    prompt_cache_options=False,
    think_tag="think",
)

OPENAI_SERVERS = (
    _OPENAI,
    _AZURE,
    # The URLs of deployments name a dated API version, the last of which (2025-04-01-preview) is
    # older than these fields; "Unrecognized request argument supplied" is a 400 there.
    replace(
        _AZURE,
        name="azure-deployments",
        verbosity=False,
        service_tier=False,
        safety_identifier=False,
        prompt_cache_key=False,
        prompt_cache_retention=False,
        custom_tools=False,
        namespaces=False,
        tool_search=False,
        shell_tools=False,
        compaction=False,
    ),
)
