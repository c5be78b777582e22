"""The built-in tools, and the choice of one of them."""

from __future__ import annotations

from typing import Any

from app.domain.built_in.apply_patch import ApplyPatchTool
from app.domain.built_in.local_shell import LocalShellTool
from app.domain.built_in.shell import LocalEnvironment, ShellTool, Skill
from app.domain.tools import NamedBuiltInTool
from app.schemas.fields import Choice, String
from app.schemas.nesting import ListOf, Nested
from app.schemas.wire.document import ALWAYS, AT_TIMES, ValueSchema


class SkillSchema(ValueSchema[Skill]):
    about = "A folder of the caller's with instructions."
    values = (Skill,)

    name = String(about="The name of the skill.", **ALWAYS)
    description = String(**ALWAYS)
    path = String(**ALWAYS)


class LocalEnvironmentSchema(ValueSchema[LocalEnvironment]):
    about = "The caller's own computer."
    values = (LocalEnvironment,)

    type = Choice("local", **ALWAYS)
    skills = ListOf(SkillSchema(), **AT_TIMES)


class ShellToolSchema(ValueSchema[ShellTool]):
    about = "A shell that the caller runs."
    values = (ShellTool,)

    type = Choice("shell", **ALWAYS)
    environment = Nested(LocalEnvironmentSchema(), about="As it was sent.", **AT_TIMES)


class LocalShellToolSchema(ValueSchema[LocalShellTool]):
    about = "A shell that the caller runs, one command at a time."
    values = (LocalShellTool,)

    type = Choice("local_shell", **ALWAYS)


class ApplyPatchToolSchema(ValueSchema[ApplyPatchTool]):
    about = "File changes that the caller applies."
    values = (ApplyPatchTool,)

    type = Choice("apply_patch", **ALWAYS)


BUILT_IN_TOOLS: tuple[ValueSchema[Any], ...] = (
    ShellToolSchema(),
    LocalShellToolSchema(),
    ApplyPatchToolSchema(),
)
#: Their types, which are their names as well.
BUILT_IN_TYPES = tuple(kind for each in BUILT_IN_TOOLS for kind in each.types)


class NamedBuiltInToolSchema(ValueSchema[NamedBuiltInTool]):
    about = "A built-in tool, by its type."
    values = (NamedBuiltInTool,)

    type = Choice(*BUILT_IN_TYPES, attribute="name", **ALWAYS)
