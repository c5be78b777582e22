"""Hides credentials: recognises them by their form, wherever they are. Pure.

Every pattern reads each character a bounded number of times: a megabyte of upstream's text that was
crafted to be slow takes no longer than any other of its length.
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import quote

HIDDEN = "[hidden]"
#: Prefix of this gateway's keys, by which scanners find leaked ones.
OWN_KEYS = "sk-rg-"

#: A value after a word that identifies it: a header, a field, a setting, a part of a URL.
_NAMED = re.compile(
    r"""
    (?P<keep>
        (?<![a-z])authorization\\?["']?\s*(?:[:=]|,\s*(?=["']))\s*\\?["']?
        (?:(?:bearer|basic|digest|token|apikey|negotiate)\s+)?(?=[^\s"'\\]{4})
      | (?<![a-z])(?:bearer|basic)\s+(?=[\w.~+/=*-]{6})
      | (?<![a-z])(?:(?:api[-_\s]?|access[-_]?|secret[-_]?)key|token|secret|credential
          |pass(?:word|wd)?|signature|sig)
        \\?["']?\s*(?:[:=]|,\s*(?=["']))\s*\\?["']?(?:(?:bearer|basic)\s+)?(?=[^\s"',;}\\]{6})
      | ://(?=[^\s/?\#]{1,512}@)                     # a URL's user and password
      | ://(?=[^\s/@:]{0,64}:(?!\d+/)[^\s@]{1,256}@)     # ... with a slash that was not encoded
    )
    (?: (?<=//)[^\s/?\#]{1,512}(?=@) | (?<=//)[^\s@]+ | [^\s"',;}\\]+ )
    """,
    re.IGNORECASE | re.VERBOSE | re.ASCII,
)
#: Candidates for a credential by their shape alone; `_judged` examines each once.
_RUN = re.compile(r"[\w*.+/=~-]{12,}", re.ASCII)
_PREFIXES = r"""
    (?: (?:sk|pk|rk|gsk|xai|hf|gh[opsur]|github_pat|pat|nvapi|pplx|csk|fw|key|glpat|xox[abeprs]
          |whsec|r8|tgp|dop|shpat)[-_]
      | AKIA | ASIA | AIza | ya29\. | eyJ )           # AWS, Google, JSON web tokens
    """
_PREFIX = re.compile(rf"(?<![A-Za-z0-9]){_PREFIXES}", re.VERBOSE | re.ASCII)
_SHORTEST, _SURELY = 8, 24
_TELLING = re.compile(r"[0-9*]")
_LONG = re.compile(r"[\w+/-]{40,}=*", re.ASCII)
_MIXED = (re.compile("[a-z]"), re.compile("[A-Z]"), re.compile("[0-9]"))

#: The form of a name that people give, which may be repeated.
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}", re.ASCII)
#: Words, none of which begins like a credential. MEASURED: checking each word's beginning takes a
#: fifth of a search at every letter; possessive, so that nothing is read twice.
_IDS = re.compile(
    rf"(?:(?!{_PREFIXES}[\w.-]{{8}})[A-Za-z0-9]++|[._:/+=@ -])++", re.VERBOSE | re.ASCII
)
_MAX_ID, _MAX_IDS = 128, 400
_ESCAPE = re.compile("%[0-9A-F]{2}")


def redact(text: str, secret: str | None = None) -> str:
    """Return `text` without what looks like a credential, and certainly without `secret`."""
    if secret:
        for form in _forms(secret):
            text = text.replace(form, HIDDEN)
    return _RUN.sub(_judged, _NAMED.sub(rf"\g<keep>{HIDDEN}", text))


@lru_cache(maxsize=256)
def _forms(secret: str) -> tuple[str, ...]:
    """Return a secret as it is sent, and as it may appear in URLs and JSON."""
    quoted = quote(secret, safe="")
    lower = _ESCAPE.sub(lambda escape: escape[0].lower(), quoted)
    return tuple(dict.fromkeys((secret, quoted, lower, secret.replace("/", "\\/"))))


def looks_like_credential(text: str) -> bool:
    """Tell whether `redact` would hide anything in `text`."""
    return redact(text) != text


def is_name(text: str) -> bool:
    """Tell whether `text` looks like a name that people give, and not like a credential."""
    return _NAME.fullmatch(text) is not None and not looks_like_credential(text)


def name_or_hidden(text: str) -> str:
    """Return `text` if it is a name, for messages that repeat what was written."""
    return text if is_name(text) else HIDDEN


def model_or_hidden(text: str) -> str:
    """Return `text` if it may be a model's id, which may have slashes and colons."""
    return text if is_id(text) and not looks_like_credential(text) else HIDDEN


def is_id(text: str) -> bool:
    """Tell whether `text` may be an id in a header and a log line, and is not a credential."""
    return len(text) <= _MAX_ID and " " not in text and _IDS.fullmatch(text) is not None


def are_ids(text: str) -> bool:
    """Tell the same of several ids, separated by spaces."""
    return len(text) <= _MAX_IDS and _IDS.fullmatch(text) is not None


def _judged(run: re.Match[str]) -> str:
    text = run[0]
    found = _PREFIX.search(text)
    if found is not None:
        rest = text[found.end() :]
        if len(rest) >= _SURELY or (len(rest) >= _SHORTEST and _TELLING.search(rest)):
            return text[: found.start()] + HIDDEN
    return _LONG.sub(_judged_long, text)


def _judged_long(run: re.Match[str]) -> str:
    """Hide a long, mixed run, as no word is; in a path only such parts."""
    text = run[0]
    if text.startswith("/"):
        parts = text.split("/")
        return "/".join(HIDDEN if len(each) >= 40 and _is_mixed(each) else each for each in parts)
    return HIDDEN if _is_mixed(text) else text


def _is_mixed(text: str) -> bool:
    return all(kind.search(text) for kind in _MIXED)
