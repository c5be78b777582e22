"""The profiles of self-hosted servers of open models. Each flag has its source beside it."""

from __future__ import annotations

from dataclasses import replace

from app.providers.profiles.profile import GENERIC

#: A server that runs open models: it knows the core of the API and none of OpenAI's services.
#: Chat templates require an object for arguments and a single system message, at the start; many
#: refuse two user messages in a row (Gemma's, Mistral's). They know three efforts.
OPEN = replace(
    GENERIC,
    prefill=True,
    object_arguments=True,
    one_system=True,
    late_system=False,
    one_user=True,
    files=False,
    strict_tools=False,
    coarse_effort=True,
    encrypted_reasoning=False,
    phase=False,
    bearer_key=True,  # vllm-project/vllm 51572: a 401 if only x-api-key is sent
)

SERVERS = (
    # vllm-project/vllm PR 27752, issue 38488: an assistant's reasoning is read from `reasoning`;
    # PR 45600: arguments follow their schema only if `strict` is true, even where a call is
    # required. Earlier releases ignore the field.
    replace(OPEN, name="vllm", reasoning_field="reasoning", strict_tools=True),
    # docs.sglang.io, "Reasoning parser": sent, and read by the chat templates, in that field.
    # sgl-project/sglang PR 4310: a strict function's arguments follow its schema.
    replace(OPEN, name="sglang", reasoning_field="reasoning_content", strict_tools=True),
    replace(
        OPEN,
        name="llamacpp",
        # It checks for a disconnected caller once a second, and restarts that second with each
        # token of any other answer. A stream it ends at once.
        whole=False,
        # tools/server: each of its three formats has a counter.
        input_counter="beside",
        # It treats a named function as "auto".
        tool_choice="modes",
        effort="chat_template_kwargs",
        reasoning_field="reasoning_content",
        user=False,
        text_format=False,
        refusals=False,
        tells_cut=False,
    ),
    # docs.ollama.com, "OpenAI compatibility": no tool_choice, no user, no parallel_tool_calls.
    # ollama/ollama, openai/openai.go: an assistant's reasoning is read from `reasoning`.
    replace(
        OPEN,
        name="ollama",
        tool_choice="never",
        parallel_tool_calls=False,
        reasoning_field="reasoning",
        user=False,
    ),
    # lmstudio.ai/docs, "Chat Completions": its list of payload parameters has no more than these.
    replace(
        OPEN,
        name="lmstudio",
        tool_choice="modes",
        json_object=False,  # response_format is json_schema or text there, else a 400
        parallel_tool_calls=False,
        logprobs=False,
        user=False,
    ),
    # huggingface/transformers, serve: fields of OpenAI's that it does not support are a 422
    # ("Unsupported fields in the request"), and so are unknown fields.
    replace(
        OPEN,
        name="transformers",
        tool_choice="never",
        parallel_tool_calls=False,
        stream_options=False,
        json_schema=False,
        json_object=False,
        effort="none",
        logprobs=False,
        penalties=False,
        user=False,
        text_format=False,
    ),
)
