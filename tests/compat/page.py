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
    "honoured": "the upstream is asked for it in its format's own words, or callers get it",
    "forwarded": "it goes through as it came, since `forward`, `hosted_tools` or `reasoning_text` "
    "of gateway.toml says so",
    "own": "the gateway does it itself, or it is for the response to show",
    "partly": "named in `X-Ignored-Parameters`, and yet the upstream is sent something for it: the "
    "nearest that it knows, or words in the place of an item",
    "kept": "stored, listed and shown again; no upstream is sent it",
    "ignored": "named in `X-Ignored-Parameters`",
    "refused": "an error that says what to send instead",
    "left out": "an upstream may send it, callers are not sent it",
    "absent": "there is no such thing on this format, or no such path here",
    "unknown": "none of these: lost in silence. A test fails where there is one",
}
_INTRODUCTION = f"""\
# What of OpenAI's API is here

What can be said with the `openai` package {openai.__version__}, and what becomes of it on each kind
of upstream. `make compat` writes this page: it walks the package's types, sends a gateway a request
for each member, and looks at what its upstream is sent, what the answer shows, what the header
names and what is refused. No verdict is written by hand, and `make test` fails where one is not
what the page says.

The columns are a server of each format of which nothing else is known, Anthropic's, OpenAI's, and
OpenAI's with `forward = "all"`, every tool in `hosted_tools` and `reasoning_text = true`. Other
servers' abilities are in [profiles.md](profiles.md). What one model takes and another does not
(`temperature`, `reasoning`) counts as taken.
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
