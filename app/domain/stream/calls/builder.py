"""What builds a call: of a function, of a custom tool, of a built-in tool."""

from __future__ import annotations

from app.domain.ids import Mint
from app.domain.stream.call_names import CallNames
from app.domain.stream.calls.built_in import BuiltInCallBuilder
from app.domain.stream.calls.custom import CustomCallBuilder, InputDecoder
from app.domain.stream.calls.search import ToolSearchCallBuilder
from app.domain.stream.deltas import CallOpened
from app.domain.stream.event_log import EventLog
from app.domain.stream.item_builders import FunctionCallBuilder

#: What builds the calls of each built-in tool, by the tool's type.
_BUILT_IN: dict[str, type[BuiltInCallBuilder]] = {"tool_search": ToolSearchCallBuilder}


def call_builder(
    log: EventLog, mint: Mint, call: CallOpened, own_id: str, names: CallNames
) -> FunctionCallBuilder:
    """Return what builds a call, by the tool that it is of."""
    kind = names.built_in_type(call)
    if kind:
        built_in = _BUILT_IN[kind]
        return built_in(log, mint(built_in.made.prefix), call.key, own_id, kind)
    namespace, name = names.own_name(call)
    if not names.is_custom(call):
        return FunctionCallBuilder(log, mint("fc"), call.key, own_id, name, namespace)
    decoder = None if call.is_plain_input else InputDecoder()
    return CustomCallBuilder(log, mint("ctc"), call.key, own_id, name, namespace, decoder)
