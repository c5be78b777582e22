"""Verdicts: what the upstream is sent, what the answer shows, what is named, what is refused."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from tests.compat import values
from tests.compat.gateway import COLUMNS, Column, Gateway, Outcome, without_chance
from tests.compat.members import Member
from tests.compat.sdk import Json

Verdict = Literal[
    "honoured",
    "forwarded",
    "own",
    "partly",
    "kept",
    "ignored",
    "refused",
    "left out",
    "absent",
    "unknown",
]
#: Of two models of one upstream the one counts that does more.
_BEST: tuple[Verdict, ...] = get_args(Verdict)
_MADE = re.compile(r"\$[a-z]+")


@dataclass(slots=True)
class Prober:
    """Probes one gateway; `remarks` has the words of each refusal, for whoever wonders."""

    gateway: Gateway
    remarks: dict[tuple[str, str, str], str] = field(default_factory=dict)
    _made: dict[tuple[str, str, str], Any] = field(default_factory=dict)

    def verdicts(self, member: Member) -> tuple[Verdict, ...]:
        """Return what becomes of a member on each kind of upstream."""
        found: list[Verdict] = []
        for column in COLUMNS:
            verdict = self._verdict(column, member)
            if column.plain is not None and verdict == "honoured":
                titles = [each.title for each in COLUMNS]
                without = found[titles.index(column.plain)]
                verdict = verdict if without == "honoured" else "forwarded"
            found.append(verdict)
        return tuple(found)

    def _verdict(self, column: Column, member: Member) -> Verdict:
        best: Verdict = "unknown"
        for number, model in enumerate(column.models):
            verdict = self._on_model(column, model, member)
            if number == 0 or _BEST.index(verdict) < _BEST.index(best):
                best = verdict
            if best == "honoured":
                break
        return best

    def _on_model(self, column: Column, model: str, member: Member) -> Verdict:
        before = self._ask(column, model, member.before)
        other = next(each for each in column.models if each != model)
        given = member.given | {"model": other} if member.path == "model" else member.given
        after = self._ask(column, model, given)
        if after.is_refused:
            self.remarks[member.group, member.name, column.title] = after.message
        verdict = judge(before, after, member.path)
        if verdict == "unknown":
            listed = self._listed(after)
            if listed != self._listed(before):
                return "kept"
            if member.group == "include" and f"'{member.name.rpartition('.')[2]}'" in str(listed):
                return "own"  # always shown
        return verdict

    def _listed(self, outcome: Outcome) -> object:
        """Return the input of a response as it is listed."""
        path = f"/v1/responses/{outcome.body['id']}/input_items"
        return without_chance(self.gateway.call("GET", path).get_json()["data"])

    def _ask(self, column: Column, model: str, body: Json) -> Outcome:
        whole = {"model": model} | self._with_made(column, model, body)
        return self.gateway.ask(column.settings.name, whole)

    def _with_made(self, column: Column, model: str, value: Any) -> Any:
        """Put what the gateway has made into the place of what stands for it."""
        if isinstance(value, dict):
            return {key: self._with_made(column, model, each) for key, each in value.items()}
        if isinstance(value, list):
            return [self._with_made(column, model, each) for each in value]
        if isinstance(value, str) and _MADE.fullmatch(value):
            key = (column.settings.name, model, value)
            if key not in self._made:
                self._made[key] = self._make(value, f"{column.settings.name}/{model}")
            return self._made[key]
        return value

    def _make(self, what: str, model: str) -> Any:
        call = self.gateway.call
        items = [{"role": "user", "content": "Before"}]
        if what == values.CONVERSATION:
            return call("POST", "/v1/conversations", {"items": items}).get_json()["id"]
        body: Json = {"model": model, "input": items, "include": ["reasoning.encrypted_content"]}
        if what == values.COMPACTION:
            body["input"] = [*items, {"type": "compaction_trigger"}]
        answer = call("POST", "/v1/responses", body).get_json()
        match what:
            case values.RESPONSE:
                return answer["id"]
            case values.STORED_ITEM:
                return answer["output"][-1]["id"]
            case _:
                return answer["output"][0]


def judge(before: Outcome, after: Outcome, path: str) -> Verdict:
    """Return what two requests tell of the one thing by which they differ."""
    if after.is_refused:
        return "refused"
    is_sent = after.sent is not None and before.sent != after.sent
    named = {name for name in after.named if _is_within(path, name)}
    named |= {name for name in after.named - before.named if _is_within(name, path)}
    if named:
        return "partly" if is_sent else "ignored"
    if is_sent:
        return "honoured"
    return "own" if before.shown != after.shown else "unknown"


def _is_within(path: str, whole: str) -> bool:
    """Tell whether what is at `path` is `whole`, or a part of it.

    What parts and items of the input have is named without saying which has it: `input.phase`.
    """
    if whole.startswith("input.") and path.startswith("input["):
        return path.rpartition(".")[2] == whole.removeprefix("input.")
    return path == whole or path.startswith((f"{whole}.", f"{whole}["))
