"""Long texts of a JSON body that need no parsing, as the base64 of a picture: taken out of it.

    {"input": [{…, "image_url": "data:image/png;base64,iVBORw0KGgo…"}]}   8 MB
    {"input": [{…, "image_url": "5f0c…·0"}]}                               the rest, which is parsed

A text is plain where it is written in JSON as it is: ASCII without quotes, backslashes and control
characters. Such a text is decoded straight from the body's bytes, to where it stays.

MEASURED: orjson copies all of a body before it reads it, and reads 8 MB in 3.2 ms, where to decode
a picture and to find out that it is plain takes 1.5; to weigh it took 1.5, which its length says. A
request with a picture takes a quarter less CPU, and two bodies of memory at once, not three.

What becomes of a body is what the parser makes of all of it: a stand-in counts only where it is a
whole text, and nobody else knows it. tests/fuzz/test_long_texts.py holds both to each other.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from itertools import chain
from typing import Any

import orjson

#: From how many bytes on a text is long. A shorter one costs less than what surrounds it.
LONG_TEXT = 128 * 1024
#: How many times the rest long texts have to be, to be worth putting back: a place is looked for
#: among all of the rest's values.
_WORTH = 8
#: How much of a text is looked at once: what a processor's nearest caches hold.
_PIECE = 64 * 1024
#: What stands in for texts begins with it. Nobody else knows it.
_STAND_IN = secrets.token_hex(16)

Json = Any


class LongTexts:
    """The plain texts of a body, and its `rest`, in which stand-ins are in their places.

    `memory` is how many bytes they take, as they came and as strings.
    """

    def __init__(self, pieces: list[bytes], texts: list[str]) -> None:
        """Take the texts, and what stands before, between and behind them."""
        self._texts = {f"{_STAND_IN}{number}": text for number, text in enumerate(texts)}
        self.memory = 2 * sum(map(len, texts))
        stand_ins = (*map(str.encode, self._texts), b"")
        self.rest = b"".join(chain.from_iterable(zip(pieces, stand_ins, strict=True)))

    def put_back(self, value: Json) -> bool:
        """Have the texts where their stand-ins are in the rest's value; they are here no longer.

        False where one of them is not there, and the second time: the value is not the body's.
        """
        if not self._texts:
            return False
        missing, self._texts = self._texts, {}
        containers = [value] if isinstance(value, dict | list) else []
        while containers and missing:
            container = containers.pop()
            pairs = container.items() if type(container) is dict else enumerate(container)
            for place, each in pairs:
                if type(each) is str:
                    if each in missing:
                        container[place] = missing.pop(each)
                elif type(each) is dict or type(each) is list:
                    containers.append(each)
        return not missing


def long_texts(raw: bytes, shortest: int = LONG_TEXT) -> LongTexts | None:
    """Return the plain texts of a body that are at least so long, None where it is not worth it."""
    pieces, texts, most_rest = list[bytes](), list[str](), len(raw) // (_WORTH + 1)
    done, behind, is_within = 0, 0, False
    for start, end in _gaps(raw, shortest):
        before = raw[done:start]
        if len(before) > most_rest:
            return None
        is_within ^= _quotes(before) % 2 == 1
        done = start
        # Behind a quote that is escaped there is a part of a text, which others may make wide.
        is_whole = is_within and not before.endswith(b'\\"')
        if is_whole and (text := _plain(raw, start, end)) is not None:
            pieces.append(raw[behind:start])
            texts.append(text)
            done = behind = end
    if not texts or len(raw) - sum(map(len, texts)) > most_rest:
        return None
    return LongTexts([*pieces, raw[behind:]], texts)


def _gaps(raw: bytes, shortest: int) -> Iterator[tuple[int, int]]:
    """Yield where the bytes between a quote and the next one begin and end, if they are so many.

    Of each stretch of that length only the last quote is looked for, from its end: what stands
    between others in it is shorter.
    """
    at = 0
    while (before := raw.rfind(b'"', at, at + shortest)) >= 0 or at + shortest < len(raw):
        if before < 0:
            at += shortest
            continue
        after = raw.find(b'"', before + 1)
        if after < 0:
            return
        if after - before > shortest:
            yield before + 1, after
        at = max(at + shortest, after)


def _quotes(raw: bytes) -> int:
    """Return how many quotes begin or end texts."""
    if b"\\" in raw:
        raw = raw.replace(b"\\\\", b"").replace(b'\\"', b"")
    return raw.count(b'"')


def _plain(raw: bytes, start: int, end: int) -> str | None:
    """Return a text if it is written in JSON as it is: then it takes two quotes more."""
    if raw.find(b"\\", start, end) >= 0:
        return None
    try:
        text = str(memoryview(raw)[start:end], "ascii")
    except UnicodeDecodeError:
        return None
    for at in range(0, len(text), _PIECE):
        piece = text[at : at + _PIECE]
        if len(orjson.dumps(piece)) != len(piece) + len('""'):
            return None
    return text
