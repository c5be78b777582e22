"""Classify refusals by the codes and messages of the server. Pure.

Statuses are not enough: vendors answer 400 for an unknown credential (Google, xAI), 403, 412 or 429
for an account without credit, 400 for an unknown model. Texts that suspend a key, for all callers,
are searched for only in the server's own words, not in its quotations of a request.
"""

from __future__ import annotations

import re

from app.providers.faults.error_body import ErrorBody, own_words

#: Codes and types for an unknown model.
_NO_MODEL = {
    "model_not_found",
    "DeploymentNotFound",
    "ModelNotFound",
    "model_not_available",
    "model_decommissioned",  # Groq's
    "1211",  # Z.ai's
}
_NO_CREDENTIAL = {
    "authentication_error",
    "invalid_api_key",
    "InvalidApiKey",
    "UNAUTHENTICATED",
    # Anthropic's 400s about the organization that owns a key
    "organization_on_hold",
    "organization_type_not_supported",
    "cmek_key_disabled",
    "cmek_key_network_blocked",
}
_NO_CREDIT = {
    "billing_error",
    # Anthropic's, in `details`
    "contract_spend_limit_reached",
    "enforced_spend_limit_reached",
    "exceeded_current_quota_error",  # Moonshot's
    "Arrearage",  # DashScope's
    "AccountOverdueError",  # Volcengine's
    "1113",  # Z.ai's
    "budget_exceeded",  # LiteLLM's
}
_NO_REASONING = {
    "invalid_encrypted_content",
    "thinking_signature_invalid",  # OpenAI's, too (openclaw/openclaw 92941)
}


def is_about_credential(error: ErrorBody) -> bool:
    """Tell whether a 400 is about the key that was sent, or where it may be used from."""
    named = {error.code, error.type} & _NO_CREDENTIAL
    return bool(named) or _CREDENTIAL.search(own_words(error.message)) is not None


def is_about_credit(error: ErrorBody) -> bool:
    """Tell whether the account at the server has no credit, whatever the status."""
    named = {error.code, error.type} & _NO_CREDIT
    return bool(named) or _BILLING.search(own_words(error.message)) is not None


def is_about_content(error: ErrorBody) -> bool:
    """Tell whether a 403 is about the request's content, not about the account."""
    if error.code == "content_policy_violation":
        return True
    is_flagged = _FLAGGED.search(error.message) is not None
    return is_flagged and not _BARRED.search(error.message)


def is_about_rate(error: ErrorBody) -> bool:
    """Tell whether a refusal of the request's size is about a rate limit in tokens (Groq's 413)."""
    return (
        error.code == "rate_limit_exceeded"
        or _PER_MINUTE.search(own_words(error.message)) is not None
    )


def is_about_reasoning(error: ErrorBody) -> bool:
    """Tell whether reasoning that was sent back unchanged is refused.

    It is bound to its model, its account, and the context before it: different instructions or
    tools, or an expired encryption key, invalidate it. A model may take none at all.
    """
    return error.code in _NO_REASONING or bool(_REASONING.search(error.message))


def is_about_model(status: int, error: ErrorBody) -> bool:
    """Tell whether the model is unknown. A 404 whose message mentions a model is about that."""
    if {error.code, error.type} & _NO_MODEL:
        return True
    words = _MODEL if status in (404, 410) else _MISSING_MODEL
    return words.search(error.message) is not None


_CREDENTIAL = re.compile(
    r"""
    \b(incorrect|invalid)\sapi[\s_-]?key\b         # xAI
    | \bapi[\s_-]?key\s(not\s(valid|found)|expired) # Google
    | \buser\slocation\sis\snot\ssupported\b       # Google
    """,
    re.IGNORECASE | re.VERBOSE,
)
_BILLING = re.compile(
    r"""
    credit\sbalance\sis\stoo\slow | billing\shard\slimit | insufficient\s(balance|credits?|funds)
    | (requires|need|add)\smore\scredits | exceeded\syour\scurrent\sbalance
    | account\sis\sin\sarrears
    | \bbalance\sis\sinsufficient\b                 # SiliconFlow
    | \boverdue\sbalance\b                         # Volcengine
    | \baccount\sis\sin\sgood\sstanding\b          # DashScope
    | \b(have|has)\sany\scredits\b                 # xAI
    | \bfree\stier\b.{0,40}\bexhausted\b           # DashScope
    | \bsuspended\b.{0,60}\bspending\slimit\b      # Fireworks
    | \bbudget\shas\sbeen\sexceeded! | \bExceededBudget:  # LiteLLM, BerriAI/litellm 4208
    | 余额不足                                       # Z.ai: the balance does not suffice
    """,
    re.IGNORECASE | re.VERBOSE,
)
#: A 403 about the request's content, not about the account (OpenRouter, xAI).
_FLAGGED = re.compile(
    r"""
    violates?\s.{0,20}\b(usage|content)\s(guidelines|polic) | input\swas\sflagged
    | requires\smoderation | content[\s_]policy | safety_check
    | prompt\s(was\s)?blocked | prompt\sinjection
    """,
    re.IGNORECASE | re.VERBOSE,
)
#: A 403 about the account, even if it mentions rules. A firewall says "Your request was blocked".
_BARRED = re.compile(
    r"\byour (account|organi[sz]ation)\b"
    r"|\b(account|organi[sz]ation|access|key)\b.{0,20}\b(suspended|disabled|deactivated|blocked)\b",
    re.IGNORECASE,
)
_REASONING = re.compile(
    r"""
    \binvalid\s`?signature`?\sin\s`?(redacted_)?thinking`?\sblock         # Anthropic
    | thinking`?\sblocks\sin\sthe\slatest\sassistant\smessage\scannot\sbe\smodified  # Anthropic
    | \bencrypted\scontent\b.{0,200}\bcould\snot\sbe\s(verified|decrypted)\b  # OpenAI
    | \bcould\snot\sdecrypt\sthe\sprovided\sencrypted_content\b           # xAI
    | \bof\stype\s'reasoning'\swas\sprovided\swithout\sits\srequired\b   # OpenAI
    | \bencrypted_content\b.{0,80}\bwas\snot\sissued\sto\sthis\scaller\b    # Meta
    | \bthinking\sblock\sis\sbound\sto\sa\sdifferent\b                   # AWS
    | \b(invalid|corrupted)\sthought[\s_]signature\b                      # Google
    | \bthought[\s_]signature\sis\snot\svalid\b                        # Vertex
    | \breasoning\sis\snot\ssupported\swith\sthis\smodel\b              # Groq
    """,
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_PER_MINUTE = re.compile(r"\btokens per (minute|day)\b|\((TPM|TPD|RPM)\)", re.IGNORECASE)
#: OpenRouter's messages if no host of the model can take the request.
_MODEL = re.compile(r"\bmodels?\b|\bno (endpoints|allowed providers)\b", re.IGNORECASE)
_MISSING_MODEL = re.compile(
    r"""
    \bmodel\b.{0,100}?\b(does\s)?not\s(exist|found)\b  # SiliconFlow, DashScope
    | \bmodel\b.{0,100}?\bdecommissioned\b             # Groq
    | \bmodel\sidentifier\sis\sinvalid\b               # Bedrock
    | 模型不存在                                         # Z.ai: the model does not exist
    """,
    re.IGNORECASE | re.VERBOSE,
)
