"""docs/compatibility.md, made of what was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

import openai

from tests.compat.answers import answered
from tests.compat.endpoints import methods, webhook_events
from tests.compat.gateway import COLUMNS, Gateway
from tests.compat.members import members
from tests.compat.probing import Prober, Verdict
from tests.processes import ROOT

PAGE = ROOT / "docs" / "compatibility.md"
#: Groups with one verdict for all upstreams, and what they are called together.
METHODS, WEBHOOKS = "Methods of the client", "Events of webhooks"
ALONE, _OF_NONE = (METHODS, WEBHOOKS), "methods and webhooks"
_MEANINGS: dict[Verdict, str] = {
    "honoured": "the upstream is sent it in the terms of its format, or callers get it",
    "forwarded": "it is passed through unchanged, because `forward`, `hosted_tools` or "
    "`reasoning_text` of gateway.toml says so",
    "own": "the gateway does it itself, or the response shows it",
    "partly": "named in `X-Ignored-Parameters`, but the upstream is sent a substitute: the "
    "nearest value that it knows, or text in place of an item",
    "kept": "stored, listed and shown again, but not sent to any upstream",
    "ignored": "named in `X-Ignored-Parameters`",
    "refused": "an error that says what to send instead",
    "left out": "an upstream may send it, but callers do not get it",
    "absent": "the format does not have it, or the gateway has no such path",
    "unknown": "none of these: silently lost. A test fails if there is one",
}
_INTRODUCTION = f"""\
# Compatibility with OpenAI's API

The types and methods of the `openai` package {openai.__version__}, and their support on each kind
of upstream. `make compat` writes this page: it walks the package's types, sends a gateway a
request for each member, and checks what the upstream receives, what the answer shows, what the
header names and what is refused. No verdict is written by hand, and `make test` fails if one
differs from this page.

The columns are an unknown server of each format, Anthropic's, OpenAI's, and OpenAI's with
`forward = "all"`, every tool in `hosted_tools` and `reasoning_text = true`. [Profiles](profiles.md)
describes other servers. What some models take and others do not (`temperature`, `reasoning`) counts
as taken.
"""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the page: a verdict for each column, or one for all."""

    group: str
    name: str
    verdicts: tuple[Verdict, ...]


def rows(gateway: Gateway) -> list[Row]:
    """Probe everything."""
    prober = Prober(gateway)
    found = [Row(each.group, each.name, prober.verdicts(each)) for each in members()]
    found += [Row(*each) for each in answered(gateway)]
    found += [Row(METHODS, name, (verdict,)) for name, verdict in methods(gateway)]
    found += [Row(WEBHOOKS, name, (verdict,)) for name, verdict in webhook_events(gateway)]
    return found


def text(found: list[Row]) -> str:
    """Return the whole page."""
    return "\n".join((_INTRODUCTION, *_legend(found), *_tables(found)))


def _legend(found: list[Row]) -> Iterator[str]:
    titles = [each.title for each in COLUMNS]
    yield _line("verdict", "what it means", *titles, _OF_NONE)
    yield _line(*["---"] * (len(titles) + 3))
    of_none = Counter(row.verdicts[0] for row in found if row.group in ALONE)
    counts = [
        Counter(row.verdicts[index] for row in found if row.group not in ALONE)
        for index in range(len(titles))
    ]
    for verdict, meaning in _MEANINGS.items():
        yield _line(
            verdict, meaning, *(str(each[verdict]) for each in counts), str(of_none[verdict])
        )


def _tables(found: list[Row]) -> Iterator[str]:
    for group, each in groupby(found, lambda row: row.group):
        titles = ["verdict"] if group in ALONE else [column.title for column in COLUMNS]
        yield f"\n## {group}\n"
        yield _line("member", *titles)
        yield _line(*["---"] * (len(titles) + 1))
        yield from (_line(f"`{row.name}`", *row.verdicts) for row in each)
    yield ""


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
