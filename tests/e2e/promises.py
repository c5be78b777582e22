"""What became of all that callers were promised, asked of the gateway when all is over."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import accumulate, chain, pairwise, zip_longest

import requests

from tests.e2e.callers import ENDED, Caller, Chained, Conversing, Following, Turn
from tests.e2e.gateway import Gateway
from tests.e2e.scale import Load
from tests.e2e.webs import Web
from tests.processes import PATIENCE_S, until

AT_ONCE = 4


def lost(gateway: Gateway, load: Load, wait_s: int = 20) -> list[str]:
    """Return what was promised and is not there: answers that are gone or are others, jobs that
    are gone or have not ended in `wait_s`. What waits in a spool is waited for.
    """
    until(lambda: all(_spooled(each) == 0 for each in load.site.webs), "spools to be delivered")
    answers = {turn.response_id: turn.answer for each in load.callers for turn in each.turns}
    queued: dict[str, str | None] = dict.fromkeys(
        chain.from_iterable(each.queued for each in load.callers)
    )
    with ThreadPoolExecutor(AT_ONCE) as pool:
        expected = queued | answers
        paths = [f"/v1/responses/{each}?wait={wait_s}" for each in expected]
        faults = pool.map(partial(_fault, gateway), paths, expected.values())
        return [fault for fault in faults if fault]


def _spooled(web: Web) -> float:
    """Return how many answers wait on the disk of a gateway."""
    text = requests.get(f"{web.url}/metrics", timeout=PATIENCE_S).text
    found = re.search(r"^gateway_spooled ([0-9.e+]+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def _fault(gateway: Gateway, path: str, expected: str | None) -> str:
    """Say what is wrong with a response; one that runs may still end."""
    answer = gateway.call("GET", path)
    if answer.status_code != 200:
        return f"{path}: {answer.status_code}"
    response = answer.json()
    status, text = response["status"], response["output_text"]
    if expected is None:
        return "" if status in ENDED else f"{path}: {status}"
    is_whole = (status, text) == ("completed", expected)
    return "" if is_whole else f"{path}: {status} {text!r}, promised was {expected!r}"


def misplaced(gateway: Gateway, callers: Sequence[Caller]) -> list[str]:
    """Return what conversations do not have that they should, and what they have twice."""
    found: list[str] = []
    for caller in callers:
        if isinstance(caller, Chained):
            found += _faults_of_chain(gateway, caller)
        elif isinstance(caller, Conversing):
            found += _faults_of_conversation(gateway, caller)
        elif isinstance(caller, Following):
            found += [f"{each}: an event was missed or came twice" for each in caller.torn]
    return found


def _faults_of_chain(gateway: Gateway, caller: Chained) -> Iterator[str]:
    """Yield what the context of the last turn is not: exactly the turns that were promised."""
    *before, last = caller.turns
    expected = [*_words(before), last.question]
    found = list(_texts(gateway, f"/v1/responses/{last.response_id}/input_items"))
    if found != expected:
        at = next(i for i, pair in enumerate(zip_longest(found, expected)) if pair[0] != pair[1])
        yield f"{caller.name}: {found[at:]} in place of {expected[at:]}"


def _faults_of_conversation(gateway: Gateway, caller: Conversing) -> Iterator[str]:
    """Yield the turns that were promised and do not stand there, or stand there twice.

    A question may: before it was answered, its stream may have failed with what it had.
    """
    found = _found(gateway, caller)
    answers, pairs = Counter(found), set(pairwise(found))
    for turn in caller.turns:
        if answers[turn.answer] > 1:
            yield f"{caller.name}: {turn.answer} stands there {answers[turn.answer]} times"
        if (turn.question, turn.answer) not in pairs:
            yield f"{caller.name}: {turn.answer} does not stand there"


def late(gateway: Gateway, callers: Sequence[Caller]) -> int:
    """Return how many turns of conversations stand behind one that was promised later.

    What waited in a spool is added when it is delivered.
    """
    count = 0
    for caller in callers:
        if isinstance(caller, Conversing):
            at = {text: place for place, text in enumerate(_found(gateway, caller))}
            places = [at.get(turn.answer, 0) for turn in caller.turns]
            least = accumulate(reversed(places), min)
            count += sum(
                own > later for own, later in zip(reversed(places[:-1]), least, strict=False)
            )
    return count


def _found(gateway: Gateway, caller: Conversing) -> list[str]:
    return list(_texts(gateway, f"/v1/conversations/{caller.conversation}/items"))


def _words(turns: Sequence[Turn]) -> Iterator[str]:
    return chain.from_iterable((turn.question, turn.answer) for turn in turns)


def _texts(gateway: Gateway, path: str) -> Iterator[str]:
    """Yield what all items say, oldest first."""
    after = ""
    while True:
        answer = gateway.call("GET", f"{path}?order=asc&limit=100{after}")
        assert answer.status_code == 200, answer.text
        page = answer.json()
        for item in page["data"]:
            yield from (part["text"] for part in item["content"])
        if not page["has_more"]:
            return
        after = f"&after={page['last_id']}"


def served_by(load: Load) -> dict[str, list[int]]:
    """Return of each conversation how many of its answers came from each of the two gateways."""
    logs = [each.log for each in load.site.webs]
    return {
        caller.name: [sum(turn.response_id in log for turn in caller.turns) for log in logs]
        for caller in load.callers
        if isinstance(caller, Chained | Conversing)
    }


def summary(load: Load, lost: Sequence[str], misplaced: Sequence[str], came_late: int) -> str:
    """Return the totals in one line."""
    answers = sum(len(each.turns) for each in load.callers)
    queued = sum(len(each.queued) for each in load.callers)
    failed = sum(len(each.failed) for each in load.callers)
    return (
        f"promised: {answers} answers, {queued} background responses; lost: {len(lost)}; "
        f"twice or missing in a conversation: {len(misplaced)}; there late: {came_late}; "
        f"ended as failed: {failed}"
    )
