"""Turns for tests of stores."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from app.domain.answer_options import ReasoningOptions
from app.domain.ids import tag_of
from app.domain.items import (
    FunctionCall,
    FunctionCallOutput,
    InputImage,
    InputText,
    Item,
    Message,
    OutputText,
    Reasoning,
    Refusal,
)
from app.domain.request import CreateRequest, Parameters
from app.domain.response import Response, ResponseError, Status, Usage
from app.domain.tools import FunctionTool
from app.domain.turns.job_payload import JobPayload
from app.domain.turns.page import Page, PageQuery
from app.domain.turns.turn import Thread, Turn
from app.schemas.request.create import CREATE_REQUEST
from app.schemas.wire.echo import echo
from app.store.key_wrapping import KeyWrapping
from app.store.responses.archive_base import ArchiveStore
from app.store.responses.base import ResponseStore
from tests.ids import item_minter, new_id, new_tag

ACCOUNT = "acme"
STRANGER = "globex"
AT = 1_763_900_000
WRAPPING = KeyWrapping(lambda: bytes(32))


def first_id() -> str:
    """Return the id of a response that begins a conversation."""
    return new_id("resp", new_tag())


def next_id(parent_id: str) -> str:
    """Return the id of a response that continues another."""
    tag = tag_of(parent_id)
    assert tag
    return new_id("resp", tag)


def question(text: str, item_id: str) -> Message:
    return Message(item_id, "user", (InputText(text),))


def said(text: str, item_id: str) -> Message:
    return Message(item_id, "assistant", (OutputText(text),))


def turn(
    text: str = "hello", *, response_id: str | None = None, account: str = ACCOUNT, **more: Any
) -> Turn:
    """Return a turn that begins a conversation: one message asked and one said, both `text`."""
    response_id = response_id or first_id()
    mint = item_minter(response_id)
    given = more.pop("given", (question(text, mint("msg")),))
    made: tuple[Item, ...] = more.pop("made", (said(text.upper(), mint("msg")),))
    parent = more.pop("parent", None)
    shown = more.pop("echo", None) or echo(CreateRequest(model="gpt-5-mini", input=()))
    rest: dict[str, Any] = {"status": "completed", "usage": Usage(3, 5), "completed_at": AT + 2}
    response = Response(response_id, "gpt-5-mini", AT, shown, output=made, **rest | more)
    return Turn(account, response, given, frozenset(), parent)


def payload_of(waiting: Turn) -> JobPayload:
    """Return the payload of a background request that is to make this turn."""
    body = {"model": waiting.response.model, "input": "in own"}
    own = waiting.input
    return JobPayload(
        account=waiting.account,
        key_id="key_1",
        body=body,
        request=replace(CREATE_REQUEST.load(body), input=own),
        thread=Thread(waiting.response.id, own, own, waiting.parent),
        response=waiting.response,
        queued_at=AT,
    )


def saved(store: ResponseStore, text: str = "hello", **more: Any) -> Turn:
    """Return a turn that was just saved."""
    made = turn(text, **more)
    store.save(made)
    return made


def continued(store: ResponseStore, parent: Turn, text: str = "and then?", **more: Any) -> Turn:
    """Return a saved turn that continues another."""
    position = store.context(parent.account, parent.response.id).position
    return saved(
        store,
        text,
        response_id=next_id(parent.response.id),
        account=parent.account,
        parent=position,
        **more,
    )


def chain(store: ResponseStore, length: int, text: str = "turn") -> list[Turn]:
    """Return the turns of a saved conversation, oldest first."""
    turns = [saved(store, f"{text} 0")]
    while len(turns) < length:
        turns.append(continued(store, turns[-1], f"{text} {len(turns)}"))
    return turns


def purged(archive: ArchiveStore, deleted_before: int) -> list[str]:
    """Return the ids of what a purge has destroyed, which has run to its end."""
    return [each.any_id for each in archive.purge(deleted_before)]


def left_by(*turns: Turn) -> tuple[Item, ...]:
    """Return everything that turns leave to the next."""
    return tuple(item for each in turns for item in (*each.input, *each.response.output))


def text_of(items: tuple[Item, ...]) -> list[str]:
    """Return the texts of messages."""
    return [
        part.text
        for item in items
        if isinstance(item, Message)
        for part in item.content
        if isinstance(part, InputText | OutputText)
    ]


def rich(status: Status = "incomplete") -> Turn:
    """Return a turn with something of everything that a response can hold."""
    response_id = first_id()
    mint = item_minter(response_id)
    request = CreateRequest(
        model="gpt-5",
        input=(),
        parameters=Parameters(
            instructions="Be brief. — ünïcødé \u2028 \U0001f600",
            temperature=1.0,
            top_p=1,
            tools=(FunctionTool("look", "Looks. " * 60, {"type": "object"}, True),),
            tool_choice="required",
            reasoning=ReasoningOptions("high", "auto"),
            metadata={"a": "b"},
            user="somebody",
        ),
        truncation="auto",
    )
    given: tuple[Item, ...] = (
        Message(mint("msg"), "user", (InputText("see"), InputImage("https://example.com/a.png"))),
        FunctionCall(mint("fc"), "call_1", "look", "{}"),
        FunctionCallOutput(mint("fco"), "call_1", (InputText("seen"),)),
        Reasoning("rs_of_the_client", ("hm",), ("raw",), "gAAAA"),
    )
    made: tuple[Item, ...] = (
        Reasoning(mint("rs"), ("first", "second"), (), "c2VhbGVk"),
        Message(
            mint("msg"),
            "assistant",
            (
                OutputText("cut sho", ({"type": "url_citation"},), ({"token": "cut"},)),
                Refusal("no"),
            ),
            "incomplete",
            phase="final_answer",
        ),
        FunctionCall(mint("fc"), "call_2", "look", '{"at":', "incomplete"),
    )
    response = Response(
        response_id,
        "gpt-5",
        AT,
        echo(request),
        status,
        made,
        Usage(1, 2, 3, 4, 5),
        ResponseError("server_error", "it broke") if status == "failed" else None,
        "max_output_tokens" if status == "incomplete" else None,
        AT + 9,
        "flex",
    )
    return Turn(ACCOUNT, response, given, frozenset({"reasoning.encrypted_content"}))


@dataclass
class Clock:
    """A clock that stands until it is set, in Unix seconds."""

    at: float = AT

    def __call__(self) -> float:
        return self.at


def pages(
    read: Callable[[PageQuery], Page], order: Literal["asc", "desc"], limit: int
) -> Iterator[Page]:
    """Read on as clients do: behind the last item, while there is more."""
    after = None
    while True:
        page = read(PageQuery(order, limit, after=after))
        yield page
        if not page.has_more:
            return
        assert page.items  # else nobody could read on
        after = page.last_id
