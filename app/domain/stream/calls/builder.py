"""What builds a call: of a function, of a custom tool, of a built-in tool."""

from __future__ import annotations

from app.domain.built_in.apply_patch import ApplyPatchTool
from app.domain.built_in.local_shell import LocalShellTool
from app.domain.built_in.shell import ShellTool
from app.domain.ids import Mint
from app.domain.stream.call_names import CallNames
from app.domain.stream.calls.apply_patch import ApplyPatchCallBuilder
from app.domain.stream.calls.built_in import BuiltInCallBuilder, LocalShellCallBuilder
from app.domain.stream.calls.custom import CustomCallBuilder, InputDecoder
from app.domain.stream.calls.search import ToolSearchCallBuilder
from app.domain.stream.calls.shell import ShellCallBuilder
from app.domain.stream.deltas import CallOpened
from app.domain.stream.event_log import EventLog
from app.domain.stream.item_builders import FunctionCallBuilder
from app.domain.tools import ToolSearchTool

#: What builds the calls of each built-in tool, by the tool's type.
_BUILT_IN: dict[str, type[BuiltInCallBuilder]] = {
    ApplyPatchTool.type: ApplyPatchCallBuilder,
    LocalShellTool.type: LocalShellCallBuilder,
    ShellTool.type: ShellCallBuilder,
    ToolSearchTool.type: ToolSearchCallBuilder,
}


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
