"""Complete an upstream's log probabilities to the form that a response shows. Pure."""

from __future__ import annotations

import math

from app.providers.reading.fields import MOST_TOKENS, Json, OptionalFields

#: The log probability that OpenAI gives for an impossible token, where others give -Infinity.
IMPOSSIBLE = -9999.0


def logprobs(given: Json, name: str, optional: OptionalFields) -> tuple[Json, ...]:
    """Return the tokens listed under `name`, each with its `bytes` and `top_logprobs`.

    Return none if the request does not include them, whatever the server sends. Chat servers and
    streams of Responses omit both fields; they are added. Malformed entries are left out and
    noted: an optional field never makes an answer fail (U20).
    """
    if not optional.shows_logprobs:
        return ()
    return tuple(
        _filled(token)
        | {"top_logprobs": list(map(_filled, _tokens(token, "top_logprobs", optional)))}
        for token in _tokens(given, name, optional)
    )


def _tokens(given: Json, name: str, optional: OptionalFields) -> list[Json]:
    found = optional.mappings(given, name, MOST_TOKENS)
    tokens = list(filter(_is_token, found))
    if len(tokens) < len(found):
        optional.note(name)
    return tokens


def _is_token(entry: Json) -> bool:
    return isinstance(entry.get("token"), str) and type(entry.get("logprob")) in (int, float)


def _filled(token: Json) -> Json:
    given, logprob = token.get("bytes"), token["logprob"]
    is_bytes = isinstance(given, list) and all(type(n) is int and 0 <= n < 256 for n in given)
    return {
        "token": token["token"],
        "logprob": logprob if math.isfinite(logprob) else IMPOSSIBLE,
        "bytes": given if is_bytes else list(token["token"].encode("utf-8", "replace")),
    }
