"""Which types of client-run tools a model knows, by its server and its name (G1-G4).

Tools of other types work as well, as functions: so doubtful ones are left out.
"""

from __future__ import annotations

from functools import lru_cache

from app.domain.answer_options import ConfigurationUpdate
from app.domain.built_in.apply_patch import ApplyPatchTool
from app.domain.built_in.local_shell import LocalShellTool
from app.domain.built_in.shell import ShellTool
from app.domain.items import AdditionalTools
from app.domain.tools import FUNCTIONS_ONLY, CustomTool, NamespaceTool, ToolSearchTool
from app.providers.profiles.families import is_any
from app.providers.profiles.profile import Profile

#: Models that call functions only. openai/codex: "GPT-5 introduced custom tools", "gpt-oss models
#: do not support custom tools"; and other vendors' models that Azure serves.
_FUNCTIONS_ONLY = (
    *("gpt-3.5*", "gpt-35*", "gpt-4*", "chatgpt-*", "gpt-5*-chat*", "gpt-oss*"),
    *("o1", "o1-*", "o3", "o3-*", "o4", "o4-*", "codex-mini*", "computer-use*"),
    *("deepseek*", "llama*", "meta-*", "mistral*", "ministral*", "codestral*", "grok*"),
    *("phi-*", "cohere*", "command*", "kimi*", "qwen*", "model-router*"),
)
#: developers.openai.com, "Local shell": a tool of codex-mini's, and of no other model.
_WITH_LOCAL_SHELL = ("codex-mini*",)
#: developers.openai.com, "Apply patch", "Shell": gpt-5.1 and later know both tools.
_BEFORE_SHELLS = ("gpt-5", "gpt-5-*")
#: developers.openai.com, "Tool search", and learn.microsoft.com: gpt-5.4 and later know namespaces
#: whose tools are searched, and tools that are added in the course of a conversation.
_BEFORE_NAMESPACES = (*_BEFORE_SHELLS, "gpt-5.[0-3]", "gpt-5.[0-3]-*")

#: openai/codex, its catalogue of models, supports_reasoning_effort_updates.
_WITH_UPDATES = ("gpt-6.[1-9]*", "gpt-6-astra*")


def known_tools(model: str, profile: Profile) -> frozenset[str]:
    """Return the types of tools, and of items that change the request, that the model knows."""
    flags = profile.custom_tools, profile.namespaces, profile.tool_search, profile.shell_tools
    return _known(model, *flags) if any(flags) else FUNCTIONS_ONLY


@lru_cache(maxsize=1024)
def _known(
    model: str, custom: bool, namespaces: bool, search: bool, shells: bool
) -> frozenset[str]:
    if shells and is_any(model, _WITH_LOCAL_SHELL):
        return frozenset({LocalShellTool.type})
    if is_any(model, _FUNCTIONS_ONLY):
        return FUNCTIONS_ONLY
    has_shells = not is_any(model, _BEFORE_SHELLS)
    has_namespaces = not is_any(model, _BEFORE_NAMESPACES)
    known = {
        CustomTool.type: custom,
        NamespaceTool.type: namespaces and has_namespaces,
        AdditionalTools.type: search and has_namespaces,
        ToolSearchTool.type: search and has_namespaces,
        ConfigurationUpdate.type: search and is_any(model, _WITH_UPDATES),
        ShellTool.type: shells and has_shells,
        ApplyPatchTool.type: shells and has_shells,
    }
    return frozenset(kind for kind, is_known in known.items() if is_known)
