"""Chooses the builder of a call: of a function, a custom tool, a built-in or a hosted tool."""

from __future__ import annotations

from dataclasses import replace

from app.domain.built_in.apply_patch import ApplyPatchTool
from app.domain.built_in.local_shell import LocalShellTool
from app.domain.built_in.shell import ShellTool
from app.domain.hosted.item import HostedItem
from app.domain.ids import Mint, carried_id
from app.domain.stream.call_names import CallNames
from app.domain.stream.calls.apply_patch import ApplyPatchCallBuilder
from app.domain.stream.calls.built_in import BuiltInCallBuilder, LocalShellCallBuilder
from app.domain.stream.calls.custom import CustomCallBuilder, InputDecoder
from app.domain.stream.calls.hosted import HostedBuilder
from app.domain.stream.calls.search import ToolSearchCallBuilder
from app.domain.stream.calls.shell import ShellCallBuilder
from app.domain.stream.deltas import (
    Arguments,
    CallOpened,
    Delta,
    Finished,
    HostedEnded,
    HostedNoted,
    HostedOpened,
    ItemEnded,
    Used,
)
from app.domain.stream.event_log import EventLog
from app.domain.stream.item_builders import FunctionCallBuilder
from app.domain.tools import ToolSearchTool
from app.errors import UpstreamMisbehaved

#: The builder for each built-in tool, by the tool's type.
_BUILT_IN: dict[str, type[BuiltInCallBuilder]] = {
    ApplyPatchTool.type: ApplyPatchCallBuilder,
    LocalShellTool.type: LocalShellCallBuilder,
    ShellTool.type: ShellCallBuilder,
    ToolSearchTool.type: ToolSearchCallBuilder,
}


CallBuilder = FunctionCallBuilder | HostedBuilder
CALLS = (FunctionCallBuilder, HostedBuilder)


class OpenedCalls:
    """The calls opened in one answer, by what distinguishes them."""

    __slots__ = ("_ids", "_keys")

    def __init__(self) -> None:
        self._keys: set[str] = set()
        self._ids: set[str] = set()

    def add(self, call: CallOpened | HostedOpened) -> CallOpened | HostedOpened:
        """Record a call and return it, without its id if another call of this answer has the same.

        Raises:
            UpstreamMisbehaved: it was opened before.
        """
        if call.key in self._keys:
            raise UpstreamMisbehaved("the upstream opened the same function call twice")
        self._keys.add(call.key)
        if isinstance(call, HostedOpened) or not call.call_id:
            return call
        if call.call_id in self._ids:
            return replace(call, call_id=None)
        self._ids.add(call.call_id)
        return call


def call_builder(
    log: EventLog, mint: Mint, call: CallOpened | HostedOpened, response_id: str, names: CallNames
) -> CallBuilder:
    """Return the builder for a call of this response, according to its tool."""
    if isinstance(call, HostedOpened):
        item = HostedItem("", call.json)
        item_id = carried_id(mint(item.prefix), call.upstream_id)
        return HostedBuilder(log, item_id, call.key, item.renamed(names.hosted_ids).json)
    given = call.call_id
    own_id = names.own_id(given, response_id) if given else mint("call")
    return _function_builder(log, mint, call, own_id, names)


def is_of(delta: Delta, call: CallBuilder) -> bool:
    """Tell whether a delta belongs to the open call, or to no item."""
    match delta:
        case Arguments() | HostedEnded():
            return delta.key == call.key
        case HostedNoted():
            return delta.key in (call.key, None)
        case ItemEnded():
            return isinstance(call, FunctionCallBuilder)
        case _:
            return isinstance(delta, Used | Finished)


def _function_builder(
    log: EventLog, mint: Mint, call: CallOpened, own_id: str, names: CallNames
) -> FunctionCallBuilder:
    kind = names.built_in_type(call)
    if kind:
        built_in = _BUILT_IN[kind]
        return built_in(log, mint(built_in.made.prefix), call.key, own_id, kind)
    namespace, name = names.own_name(call)
    if not names.is_custom(call):
        return FunctionCallBuilder(
            log, mint("fc"), call.key, own_id, name, namespace, call.program_id
        )
    decoder = None if call.is_plain_input else InputDecoder()
    return CustomCallBuilder(
        log, mint("ctc"), call.key, own_id, name, namespace, decoder, call.program_id
    )
