"""Recognise servers' errors for a conversation that is too long for the model. Pure."""

from __future__ import annotations

import re

_CODES = {
    "context_length_exceeded",
    "context_window_exceeded",
    "exceed_context_size_error",
    "model_max_prompt_tokens_exceeded",
    "tokens_limit_reached",  # GitHub Models
}

_WORDS = re.compile(
    r"""
    maximum\s(context|prompt|model|input)\slength   # OpenAI, vLLM, DeepSeek, OpenRouter, xAI
    | (exceeds?|exceeded|longer\sthan|larger\sthan|outside|overflows?)\b[^.]{0,60}
      \b(context|max(imum)?\scontext)[\s_-]?(length|window|size|limit)  # llama.cpp, Ollama, SGLang
    | context[\s_-]?(length|window|size|limit)\s(is\s|was\s|has\sbeen\s)?exceed(ed|s)
    | context\slength\s(is|of)\sonly\s\d            # vLLM, LM Studio
    | (prompt|input|request)\s(is\s)?too\slong\b    # Anthropic, Ollama, Bedrock, Fireworks
    | too\smany\s(input\s)?tokens                   # Bedrock, Cohere
    | (input|prompt)\stoken\scount\b.{0,40}\bexceeds  # Google, Copilot
    | tokens?`?\s\+\s`?max_new_tokens`?\smust\sbe\s<=  # TGI, Together
    | `?inputs`?\smust\shave\sless\sthan\s\d+\stokens  # TGI
    | exceeded\smodel\stoken\slimit                 # Moonshot
    | prompt\sexceeds\smax\slength                  # z.ai
    | context\swindow\sexceeds\slimit               # MiniMax
    | range\sof\sinput\slength\sshould\sbe          # Alibaba
    | reduce\sthe\slength\sof\sthe\s(messages|input|prompt)  # Groq, Cerebras, vLLM
    | tokens\b.{0,20}\sexceed\s(the\sconfigured\slimit|max\smessage\stokens) # OpenAI, Volcengine
    | tokens\sto\skeep\sfrom\sthe\s(initial|first)  # LM Studio
    | exceeds?\s(the\s)?max(imum)?\s(allowed\s|input\s|sequence\s)?(length|tokens)\b  # SGLang, Nova
    | should\snot\sexceed\smax_(num_tokens|seq_len)  # TensorRT-LLM
    | larger\sthan\smax_(num_tokens|seq_len|input_len)  # TensorRT-LLM
    | default_max_tokens\b.{0,20}\bmust\sbe\sgreater\sthan\s0  # TensorRT-LLM
    | initial\sprompt\sis\sgreater\sthan\sthe\scontext  # LM Studio
    """,
    re.IGNORECASE | re.VERBOSE,
)

_N = r"(?P<{}>\d{{1,9}})"
_HAS, _LIMIT = _N.format("has"), _N.format("limit")
_EXCESSES = [
    re.compile(pattern, re.IGNORECASE | re.DOTALL)
    for pattern in (
        # vLLM: the requested output, the limit, the input
        rf"too large: (?P<more>\d{{1,9}})\..{{0,40}}length is {_LIMIT}.{{0,60}}has {_HAS} input",
        # vLLM since 0.12, which may stop counting early ("at least")
        rf"length is {_LIMIT} tokens.{{0,80}}requested (?P<more>\d{{1,9}}) output tokens"
        rf".{{0,60}}contains (at least )?{_HAS} input",
        rf"passed {_HAS} input tokens and requested (?P<more>\d{{1,9}}) output"
        rf".{{0,80}}length is only {_LIMIT}",
        rf"length is {_LIMIT}.{{0,80}}?(requested|resulted in|contains?|has)\D{{0,30}}{_HAS}",
        rf"length of {_LIMIT}.{{0,80}}?(requested|resulted in|contains?|has)\D{{0,30}}{_HAS}",
        rf"(?P<more>\d{{1,9}}) \+ {_HAS} > {_LIMIT}",  # Anthropic: with max_tokens
        rf"{_HAS} (tokens )?> {_LIMIT}",  # Anthropic: the prompt alone
        rf"\(?(length )?{_HAS}( tokens)?\) (exceeds?|is longer than)\D{{0,60}}{_LIMIT}",
        rf"{_HAS}\)? (tokens )?exceeds?\D{{0,60}}{_LIMIT}",
        rf"contains {_HAS} tokens.{{0,80}}?with {_LIMIT} maximum",  # Mistral
        # TGI, Together
        rf"must be <= {_LIMIT}\. Given: {_HAS} `?inputs`? tokens and (?P<more>\d{{1,9}})",
        rf"less than {_LIMIT} tokens\. Given: {_HAS}",  # TGI
        rf"max(imum)? input tokens: {_LIMIT}\D{{1,60}}{_HAS}",  # Bedrock
        rf"too long: {_HAS}, model maximum context length: {_LIMIT}",  # Fireworks
        rf"current length is {_HAS} while limit is {_LIMIT}",  # Cerebras
        rf"configured limit of {_LIMIT} tokens.{{0,40}}resulted in {_HAS}",  # OpenAI
    )
]


def is_overflow(message: str, *names: str) -> bool:
    """Tell whether an error is about a too long context; `names` are its type and code."""
    return any(name in _CODES for name in names) or _WORDS.search(message) is not None


def excess_tokens(message: str) -> int | None:
    """Return by how many tokens the context is too long, None if the message does not say."""
    for pattern in _EXCESSES:
        if found := pattern.search(message):
            more = int(found.groupdict().get("more") or 0)
            excess = int(found["has"]) + more - int(found["limit"])
            return excess if excess > 0 else None
    return None
