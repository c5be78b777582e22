"""The keys of gateway.toml as docs/configuration.md lists them: their defaults are the source's.

What each key says, and an example, stand in deploy/gateway.example.toml, which is held to the
source. `python -m tests.docs.configuration` (`make configuration`) writes the tables anew.
"""

from __future__ import annotations

import json
import re
from dataclasses import MISSING, dataclass, field, fields

from app.settings import (
    BackgroundSettings,
    IssuerSettings,
    KeySettings,
    LimitSettings,
    ModelSettings,
    PriceSettings,
    ProviderSettings,
    RedisSettings,
    RequestSettings,
    StorageSettings,
    UsageSettings,
    WebhookSettings,
    WebSettings,
    WebSocketSettings,
)
from tests.processes import ROOT

PAGE = ROOT / "docs" / "configuration.md"
EXAMPLE = ROOT / "deploy" / "gateway.example.toml"
BEGIN = "<!-- keys of gateway.toml: begin, written by `make configuration` -->"
END = "<!-- keys of gateway.toml: end -->"
PIPE, LESS = "\\|", "\\<"

_TABLE = re.compile(r"(?:# )?(\[{1,2}[a-z][^\]=]*\]{1,2})(?: +# (.*))?$")
_KEY = re.compile(r"(# )?([a-z][a-zA-Z0-9_]*) = (.*)$")
_COMMENT = re.compile(r'((?:"[^"]*"|[^"#])*?) *(?:# (.*))?$')
_GOES_ON = re.compile(r" +# (.*)$")
#: Names of the example's own, and what stands for any.
_NAMES = (
    (re.compile(r"providers\.[a-z]+"), "providers.NAME"),
    (re.compile(r'models\."[^"]+"'), 'models."ID"'),
)


#: Where the defaults of a table's keys stand.
_DEFAULTS: dict[str, type] = {
    "[providers.NAME]": ProviderSettings,
    "[[providers.NAME.keys]]": KeySettings,
    '[models."ID"]': ModelSettings,
    '[models."ID".price]': PriceSettings,
    "[limits]": LimitSettings,
    "[background]": BackgroundSettings,
    "[requests]": RequestSettings,
    "[websocket]": WebSocketSettings,
    "[web]": WebSettings,
    "[storage]": StorageSettings,
    "[webhooks]": WebhookSettings,
    "[[auth.jwt]]": IssuerSettings,
    "[usage]": UsageSettings,
    "[redis]": RedisSettings,
}


@dataclass
class Key:
    """A key: an example of its value, and its meaning."""

    name: str
    example: str
    words: str

    def row(self, default: str) -> str:
        """Return the row of the table."""
        example = "" if self.example == default.strip("`") else f"`{self.example}`"
        cells = (f"`{self.name}`", default, example, self.words)
        return f"| {' | '.join(each.replace('|', PIPE).replace('<', LESS) for each in cells)} |"


@dataclass
class Table:
    """A table of the file, with the keys of all that have its form."""

    header: str
    keys: dict[str, Key] = field(default_factory=dict)

    def text(self) -> str:
        """Return it as the page has it."""
        rows = [each.row(default_of(self.header, each.name)) for each in self.keys.values()]
        head = ["| key | default | example | meaning |", "|---|---|---|---|"]
        return "\n".join([f"### `{self.header}`", "", *head, *rows, ""])


def tables() -> list[Table]:
    """Return the tables of the example, in its order."""
    found, key = dict[str, Table](), None
    table: Table | None = None
    for line in EXAMPLE.read_text("utf-8").splitlines():
        if match := _TABLE.match(line):
            header = match[1]
            for pattern, name in _NAMES:
                header = pattern.sub(name, header)
            table, key = found.setdefault(header, Table(header)), None
        elif table is not None and (match := _KEY.match(line)):
            key = _key(match)
            table.keys.setdefault(key.name, key)
        elif key is not None and (match := _GOES_ON.match(line)):
            key.words = f"{key.words} {match[1]}"
        else:
            key = None
    return list(found.values())


def written(page: str) -> str:
    """Return the page with its tables as they are to be.

    Raises:
        ValueError: the markers are missing.
    """
    before, begun, rest = page.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not (begun and ended):
        raise ValueError("the page lacks the markers of its tables")
    whole = "\n".join(each.text() for each in tables())
    return f"{before}{BEGIN}\n\n{whole}\n{END}{after}"


def default_of(header: str, name: str) -> str:
    """Return a key's default as TOML has it; "" where there is none, or it is required."""
    declared = (
        {each.name: each for each in fields(_DEFAULTS[header])} if header in _DEFAULTS else {}
    )
    value = declared[name].default if name in declared else MISSING
    if value is MISSING or value in (None, (), ""):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, float) and value.is_integer():
        return f"`{value:.0f}`"
    return f"`{json.dumps(value)}`"


def _key(match: re.Match[str]) -> Key:
    value = _COMMENT.match(match[3])
    assert value is not None
    return Key(match[2], value[1].strip(), value[2] or "")


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text("utf-8")), "utf-8")
