"""The tool `apply_patch`: the caller creates, changes or deletes a file.

{"operation": {"type": "update_file", "path": "a.py", "diff": "@@\\n-old\\n+new\\n"}}
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Any, ClassVar

from app.domain.arguments.wanted import as_json, read_json
from app.domain.frozen import frozen_dataclass
from app.domain.items import BuiltInCall, BuiltInCallOutput, InputPart
from app.domain.tools import BuiltInTool, FunctionTool

CREATE, UPDATE, DELETE = "create_file", "update_file", "delete_file"

_DESCRIPTION = """\
Creates, updates or deletes one file. Call it once for each file.

create_file: `diff` is the whole file, each line with a `+` before it; an empty file is one `+`.

update_file: `diff` is one or more hunks. A hunk begins with a line `@@`, which may name the class \
or function that it is in (`@@ def total(self):`). Then come lines that begin with a space \
(unchanged), `-` (removed) or `+` (added), with about three unchanged lines before and after what \
changes, so that the place is found. There are no line numbers, and no lines `---`, `+++` or \
`*** Begin Patch`. Unchanged and removed lines have to match the file exactly, indentation \
included. A hunk at the end of the file ends with a line `*** End of File`. An example:

@@ def greet(name):
     name = name.strip()
-    print("Hi " + name)
+    print(f"Hello {name}")
     return name

delete_file: there is no `diff`."""
_PARAMETERS = {
    "type": "object",
    "properties": {
        "operation": {
            "type": "object",
            "properties": {
                "type": {"type": "string", "enum": [CREATE, UPDATE, DELETE]},
                "path": {
                    "type": "string",
                    "description": "The file, relative to the root of the workspace.",
                },
                "diff": {
                    "type": "string",
                    "description": "What to write or to change; not for delete_file.",
                },
            },
            "required": ["type", "path"],
            "additionalProperties": False,
        }
    },
    "required": ["operation"],
    "additionalProperties": False,
}
#: The path if a model names no file: no such file exists, so the caller's tool reports a failure.
_NO_PATH = "apply_patch-without-a-path"
_TYPES = {
    CREATE: CREATE,
    UPDATE: UPDATE,
    DELETE: DELETE,
    "create": CREATE,
    "add": CREATE,
    "add_file": CREATE,
    "update": UPDATE,
    "delete": DELETE,
}


@dataclass(frozen=True, slots=True)
class ApplyPatchTool(BuiltInTool):
    """Changes files."""

    type: ClassVar[str] = "apply_patch"

    @property
    def function(self) -> FunctionTool:
        """The function that represents the tool to models."""
        return FunctionTool(self.type, _DESCRIPTION, deepcopy(_PARAMETERS))


@frozen_dataclass(frozen=True, slots=True)
class ApplyPatchCall(BuiltInCall):
    """A change of a file: `arguments` has `operation`.

    A call that was cut short is `in_progress`: the API has no `incomplete` here.
    """

    type: ClassVar[str] = "apply_patch_call"
    prefix: ClassVar[str] = "apc"
    name: str = ApplyPatchTool.type
    arguments: str = ""

    @classmethod
    def readable(cls, written: str, *, is_cut: bool = False) -> str:
        """Return the arguments; an invalid operation becomes an update that must fail."""
        return as_json({"operation": operation_in(read_json(written), written, is_cut=is_cut)})


def operation_in(value: Any, written: str, *, is_cut: bool) -> dict[str, str]:
    """Return the operation from a model's parsed arguments.

    If the diff is missing, the raw arguments replace it; if the file is missing or the type
    unknown, it becomes an update: the caller's tool rejects it, and the model learns that. Nothing
    is deleted or overwritten by a guess.
    """
    given = value if isinstance(value, dict) else {}
    kind: Any = given.get("type")
    operation = given.get("operation")
    if isinstance(operation, str):
        inner = read_json(operation)
        kind, operation = (kind, inner) if isinstance(inner, dict) else (operation, None)
    if isinstance(operation, dict):
        given, kind = operation, operation.get("type")
    path, diff = given.get("path"), given.get("diff")
    found = operation_type(kind)
    if not isinstance(path, str) or not path:
        path, found = "" if is_cut else _NO_PATH, UPDATE
    found = found or UPDATE
    if found == DELETE:
        return {"type": DELETE, "path": path}
    if not isinstance(diff, str):
        diff = "" if is_cut else written or "{}"
    return {"type": found, "path": path, "diff": diff}


def operation_type(kind: object) -> str | None:
    """Return the type of operation that a model means, None if it is unclear."""
    return _TYPES.get(kind) if isinstance(kind, str) else None


@frozen_dataclass(frozen=True, slots=True)
class ApplyPatchCallOutput(BuiltInCallOutput):
    """The result: `completed` or `failed`, and optionally a text."""

    type: ClassVar[str] = "apply_patch_call_output"
    prefix: ClassVar[str] = "apco"

    @property
    def content(self) -> str | tuple[InputPart, ...]:
        """How models see it."""
        text = self.output if isinstance(self.output, str) else ""
        if self.status != "failed":
            return text or "Done."
        return f"Failed: {text}" if text else "Failed."
