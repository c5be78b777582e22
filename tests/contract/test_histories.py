"""Random conversations on servers that use ids of calls again: every call has its output (S4)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import orjson
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from app.domain.items import FunctionCall, FunctionCallOutput, InputText, Item, Message, OutputText
from app.domain.response import Response
from app.domain.turns.page import PageQuery
from app.errors import InvalidRequest
from app.settings import Api
from tests.contract.histories import ACCOUNT, Line, PurgingStore
from tests.upstream.script import Call, Script

APIS: tuple[Api, ...] = ("chat_completions", "anthropic_messages", "responses")


@dataclass(frozen=True, slots=True)
class Step:
    """One request of a client, and what the model makes of it. Numbers choose among what is there.

    style: how much of the history it sends: only what is `new`, the last `question` and text once
    more, its `whole` history beside the parent, or the whole without a parent (`alone`).
    before, between: whether it has a message before the outputs, or after the first one.
    turned: whether outputs come in another order than their calls, where their ids differ.
    forgets: whether the last output is missing. replaces: whether the last one is sent twice.
    """

    parent: int = 0
    style: str = "new"
    before: bool = False
    between: bool = False
    turned: bool = False
    forgets: bool = False
    replaces: bool = False
    own_call: str = ""
    purges: int | None = None
    thinks: bool = False
    speaks: bool = False
    calls: tuple[str, ...] = ()
    is_cut: bool = False


SELDOM = st.sampled_from([False, False, False, True])
STEPS = st.lists(
    st.builds(
        Step,
        parent=st.sampled_from([0, 0, 0, 1, 2]),
        style=st.sampled_from(["new", "new", "question", "whole", "whole", "alone"]),
        before=SELDOM,
        between=SELDOM,
        turned=st.booleans(),
        forgets=st.sampled_from([False] * 9 + [True]),
        replaces=SELDOM,
        own_call=st.sampled_from(["", "", "", "a", "b"]),
        purges=st.sampled_from([None, None, None, 0, 1, 2]),
        thinks=st.booleans(),
        speaks=st.booleans(),
        calls=st.lists(st.sampled_from("ab"), max_size=3).map(tuple),
        is_cut=st.sampled_from([False] * 7 + [True]),
    ),
    min_size=2,
    max_size=8,
)


@dataclass
class Known:
    """What a client knows of a turn: the transcript up to there, and which calls want outputs.

    `texts` and `numbers` are what this turn stored: user texts, calls and outputs by number.
    """

    response: Response
    transcript: list[Item]
    waiting: list[FunctionCall]
    chain: list[Known] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)


class Client:
    """Takes steps, and knows what must come of them: a call has a number, which its output says."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.turns: list[Known] = []
        self._number = 0

    def take(self, step: Step) -> None:
        """Send a turn as the step says, and check what was sent upstream."""
        parent = self._parent(step)
        if step.purges is not None:
            self._purge(step.purges, parent)
        waiting = parent.waiting if parent else []
        new = self._new(step, waiting, cut=bool(parent and _cut_arguments(parent.response)))
        forgets = step.forgets and waiting
        given = self._given(step, parent, new)
        alone = step.style == "alone" or parent is None
        script = self._script(step)
        parent_id = None if alone or parent is None else parent.response.id
        if forgets:
            with pytest.raises(InvalidRequest, match="No tool output found for function call"):
                self.line.ask(tuple(given), parent_id, script)
            return
        response = self.line.ask(tuple(given), parent_id, script)
        chain = [] if alone or parent is None else [*parent.chain, parent]
        result = self._known(response, parent, new, given, chain, alone=alone)
        self._check(result)
        self.turns.append(result)

    def _parent(self, step: Step) -> Known | None:
        live = [each for each in self.turns if self._is_live(each)]
        return live[-1 - step.parent] if step.parent < len(live) else None

    def _is_live(self, result: Known) -> bool:
        return result.response.id not in self.line.store.purged

    def _purge(self, which: int, parent: Known | None) -> None:
        others = [each for each in self.turns if each is not parent and self._is_live(each)]
        if which < len(others):
            self.line.store.purge(others[-1 - which].response.id)

    def _next(self) -> str:
        self._number += 1
        return str(self._number)

    def _user(self) -> Message:
        return Message("", "user", (InputText(f"<u{self._next()}>"),))

    def _new(self, step: Step, waiting: list[FunctionCall], *, cut: bool) -> list[Item]:
        """Return what the client has to say now: messages, outputs, and a call of its own."""
        answered = sorted(waiting, key=lambda call: call.call_id) if step.turned else waiting
        outputs: list[Item] = [_output(call) for call in answered]
        if outputs and step.forgets:
            outputs.pop()
        elif outputs and step.replaces and not cut:
            # Under its id it is the last one, whatever the order: it goes to the last call.
            last = max(i for i, c in enumerate(waiting) if c.call_id == answered[-1].call_id)
            outputs += [self._user(), _output(waiting[last])]
        if step.before or not outputs:
            outputs.insert(0, self._user())
        if step.between:
            outputs.insert(min(2, len(outputs)), self._user())
        if step.own_call and not step.forgets:
            call = FunctionCall("", step.own_call, "f", f'{{"n":{self._next()}}}')
            outputs += [call, _output(call)]
        return outputs

    def _given(self, step: Step, parent: Known | None, new: list[Item]) -> list[Item]:
        if parent is None or step.style == "new":
            return new
        if step.style == "question":
            messages = [each for each in parent.transcript if isinstance(each, Message)]
            return [*messages[-2:], *new]
        return [*map(_rewritten, parent.transcript), *new]

    def _script(self, step: Step) -> Script:
        calls = [
            Call(name="f", id=each, arguments=f'{{"n":{self._next()}}}') for each in step.calls
        ]
        return Script(
            say=f"<t{self._next()}>" if step.speaks or not calls else None,
            reasoning="Hm." if step.thinks else None,
            calls=tuple(calls),
            finish="length" if step.is_cut else "stop",
        )

    def _known(
        self,
        response: Response,
        parent: Known | None,
        new: list[Item],
        given: list[Item],
        chain: list[Known],
        *,
        alone: bool,
    ) -> Known:
        made = [_bare(item) for item in response.output]
        whole = [item for item in made if not _is_cut(item)]
        called = [item for item in whole if isinstance(item, FunctionCall)]
        known = [] if alone or parent is None else [_number(call) for call in parent.waiting]
        calls = [_number(each) for each in given if isinstance(each, FunctionCall)]
        return Known(
            response,
            [*(parent.transcript if parent else ()), *_without_replaced(new), *whole],
            called,
            chain,
            texts=[_text(each) for each in given if isinstance(each, Message)],
            calls=[*(each for each in calls if each not in known), *map(_number, called)],
            outputs=_last_ones(given),
        )

    def _check(self, result: Known) -> None:
        line = self.line
        chain = [each for each in result.chain if self._is_live(each)]
        pairs = [(orjson.loads(call)["n"], output) for call, output in line.pairs()]
        assert [str(number) for number, _ in pairs] == [output for _, output in pairs]
        made = {_number(call) for call in result.waiting}
        calls = Counter(n for each in (*chain, result) for n in each.calls if n not in made)
        outputs = Counter(n for each in (*chain, result) for n in each.outputs)
        assert Counter(output for _, output in pairs) == calls & outputs
        for text, count in Counter(t for each in (*chain, result) for t in each.texts).items():
            if text.startswith("<u"):
                assert line.count(text) == count
        listed = line.store.input_items(
            ACCOUNT, result.response.id, PageQuery(order="asc", limit=10_000)
        ).items
        assert len({item.id for item in listed}) == len(listed)
        sent_calls = [each.arguments for each in listed if isinstance(each, FunctionCall)]
        cut = [a for each in chain for a in _cut_arguments(each.response)]
        stored = [n for each in chain for n in each.calls] + [
            n for n in result.calls if n not in made
        ]
        assert len(sent_calls) == len(stored) + len(cut)


def _output(call: FunctionCall) -> FunctionCallOutput:
    return FunctionCallOutput("", call.call_id, _number(call))


def _last_ones(given: list[Item]) -> list[str]:
    """Return the numbers of the outputs, those that are sent twice in a row but once."""
    numbers = [str(each.output) for each in given if isinstance(each, FunctionCallOutput)]
    return [n for i, n in enumerate(numbers) if i == 0 or numbers[i - 1] != n]


def _without_replaced(new: list[Item]) -> list[Item]:
    """Return what a client keeps: of two outputs of one call the later one."""
    outputs = {each.output: i for i, each in enumerate(new) if isinstance(each, FunctionCallOutput)}
    return [
        each
        for i, each in enumerate(new)
        if not isinstance(each, FunctionCallOutput) or outputs[each.output] == i
    ]


def _number(call: FunctionCall) -> str:
    return str(orjson.loads(call.arguments)["n"])


def _text(message: Message) -> str:
    (part,) = message.content
    assert isinstance(part, InputText | OutputText)
    return part.text


def _bare(item: Item) -> Item:
    """Return an item as a client keeps it: without its id."""
    if isinstance(item, Message):
        return Message("", item.role, item.content)
    if isinstance(item, FunctionCall):
        return FunctionCall("", item.call_id, item.name, item.arguments, item.status)
    return item


def _is_cut(item: Item) -> bool:
    """Tell whether a client has no use for it; reasoning goes with the response only."""
    return not isinstance(item, Message | FunctionCall) or (
        isinstance(item, FunctionCall) and item.status != "completed"
    )


def _cut_arguments(response: Response) -> list[str]:
    return [
        item.arguments
        for item in response.output
        if isinstance(item, FunctionCall) and item.status != "completed"
    ]


def _rewritten(item: Item) -> Item:
    """Return an item as a client sends it again that has parsed it."""
    if isinstance(item, FunctionCall):
        arguments = item.arguments.replace(":", " : ")
        return FunctionCall("", item.call_id, item.name, arguments)
    return item


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("api", APIS)
@settings(
    max_examples=40,
    deadline=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.too_slow],
)
@given(steps=STEPS)
def test_every_call_is_sent_with_its_own_output_and_none_without(
    api: Api, stream: bool, steps: list[Step]
) -> None:
    client = Client(Line(api, stream, PurgingStore()))
    for step in steps:
        client.take(step)
