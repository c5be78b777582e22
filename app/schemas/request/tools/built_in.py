"""Built-in tools that the caller runs: shells and apply_patch (G4)."""

from __future__ import annotations

from typing import Any

from app.domain.built_in.apply_patch import ApplyPatchTool
from app.domain.built_in.local_shell import LocalShellTool
from app.domain.built_in.shell import LocalEnvironment, ShellTool, Skill
from app.schemas.document import Document
from app.schemas.field import ReadContext
from app.schemas.fields import Choice, String
from app.schemas.invalid import array_at
from app.schemas.nesting import ListOf, Nested, OneOf
from app.schemas.request.bounds import LONGEST_DESCRIPTION, LONGEST_ID

_MOST_SKILLS = 1_000


class InputSkillSchema(Document):
    about = "A folder of the caller's with instructions; the model is shown its path."
    values = (Skill,)

    name = String(required=True, shortest=1, longest=LONGEST_ID, about="The name of the skill.")
    description = String(required=True, longest=LONGEST_DESCRIPTION)
    path = String(required=True, shortest=1, longest=LONGEST_DESCRIPTION)


class SkillsField(ListOf):
    """The skills, in an array of bounded length."""

    def check(self, value: Any, at: str, context: ReadContext) -> list[Any]:
        array_at(value, self.path(at), _MOST_SKILLS)
        return super().check(value, at, context)


class InputLocalEnvironmentSchema(Document):
    about = "The caller's own computer."

    type = Choice("local", required=True)
    skills = SkillsField(InputSkillSchema())

    def build(self, found: dict[str, Any], path: str, context: ReadContext) -> LocalEnvironment:
        return LocalEnvironment(tuple(found.get("skills", ())))


class InputShellToolSchema(Document):
    about = "A shell that the caller runs. The gateway runs no containers: `environment` is local."
    values = (ShellTool,)

    type = Choice("shell", required=True)
    environment = Nested(OneOf(InputLocalEnvironmentSchema()))


class InputLocalShellToolSchema(Document):
    about = "A shell that the caller runs, one command at a time."
    values = (LocalShellTool,)

    type = Choice("local_shell", required=True)


class InputApplyPatchToolSchema(Document):
    about = "File changes: the caller applies the diffs that the model writes."
    values = (ApplyPatchTool,)

    type = Choice("apply_patch", required=True)


#: The tools, by `type`.
BUILT_IN_TOOLS: dict[str, Document] = {
    "shell": InputShellToolSchema(),
    "local_shell": InputLocalShellToolSchema(),
    "apply_patch": InputApplyPatchToolSchema(),
}
