"""The grammar of built-in tools' calls; some have their own events, some none."""

from __future__ import annotations

from app.stream_check.item_grammar import ItemGrammar, Json, require


class ToolSearchCallGrammar(ItemGrammar):
    """A tool search, which has no events of its own between its added and its done."""

    def __init__(self, item: Json) -> None:
        super().__init__(item)
        require(item["arguments"] == {}, "a search must be added with empty arguments")
        require(bool(item["call_id"]), "a search needs its call_id")

    def finish(self, item: Json) -> None:
        super().finish(item)
        require(item["status"] != "in_progress", "a search is done while in progress")


class LocalShellCallGrammar(ItemGrammar):
    """A local shell call, which has no events of its own between its added and its done."""

    def __init__(self, item: Json) -> None:
        super().__init__(item)
        require(item["action"]["command"] == [], "a local shell call must be added without command")
        require(bool(item["call_id"]), "a call needs its call_id")

    def finish(self, item: Json) -> None:
        super().finish(item)
        require(item["status"] != "in_progress", "a call is done while in progress")


class ShellCallGrammar(ItemGrammar):
    """A shell call: its commands come one after another, each with an added and a done event."""

    def __init__(self, item: Json) -> None:
        super().__init__(item)
        require(item["action"]["commands"] == [], "a shell call must be added without commands")
        require(bool(item["call_id"]), "a call needs its call_id")
        self._commands: list[str] = []
        self._command: str | None = None

    def take(self, kind: str, event: Json, /) -> None:
        step = {
            "response.shell_call_command.added": self._added,
            "response.shell_call_command.delta": self._delta,
            "response.shell_call_command.done": self._done,
        }.get(kind)
        if step is None:
            super().take(kind, event)
            return
        index, expected = event["command_index"], len(self._commands)
        require(index == expected, f"command_index is {index}, expected {expected}")
        step(event)

    def _added(self, event: Json) -> None:
        require(self._command is None, "a command is added while another is open")
        require(event["command"] == "", "a command must be added empty")
        self._command = ""

    def _delta(self, event: Json) -> None:
        self._command = self._open_command() + event["delta"]

    def _done(self, event: Json) -> None:
        command = self._open_command()
        require(event["command"] == command, "the deltas do not spell the command")
        self._commands.append(command)
        self._command = None

    def _open_command(self) -> str:
        command = self._command
        require(command is not None, "no command is open")
        return command or ""

    def finish(self, item: Json) -> None:
        super().finish(item)
        require(self._command is None, "a shell call is done while a command is open")
        require(
            item["action"]["commands"] == self._commands, "the commands differ from their events"
        )
        require(item["status"] != "in_progress", "a call is done while in progress")


class ApplyPatchCallGrammar(ItemGrammar):
    """An apply_patch call; its diff, if any, comes in deltas. A truncated one stays in progress."""

    def __init__(self, item: Json) -> None:
        super().__init__(item)
        require(item["operation"].get("diff", "") == "", "a patch must be added with an empty diff")
        require(bool(item["call_id"]), "a call needs its call_id")
        self._has_diff = item["operation"]["type"] != "delete_file"
        self._diff = ""
        self._is_done = False

    def take(self, kind: str, event: Json, /) -> None:
        if not self._has_diff or self._is_done:
            super().take(kind, event)
        elif kind == "response.apply_patch_call_operation_diff.delta":
            self._diff += event["delta"]
        elif kind == "response.apply_patch_call_operation_diff.done":
            require(event["diff"] == self._diff, "the deltas do not spell the diff")
            self._is_done = True
        else:
            super().take(kind, event)

    def finish(self, item: Json) -> None:
        super().finish(item)
        for name in ("type", "path"):
            require(
                item["operation"][name] == self.item["operation"][name],
                f"the operation's {name} differs between added and done",
            )
        require(self._is_done is self._has_diff, "a patch is done before its diff")
        require(item["operation"].get("diff", "") == self._diff, "the diff differs from its events")
