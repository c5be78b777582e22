"""The names of service tiers at each kind of server."""

from __future__ import annotations

from collections.abc import Mapping

from app.providers.profiles.profile import Profile, TierNames

#: The API's names -> the servers' names; missing tiers do not exist there. `auto` is every server's
#: default, and `fast` is `priority` if there is no other (R10).
_NAMES: Mapping[TierNames, Mapping[str, str]] = {
    "openai": {
        tier: tier for tier in ("default", "flex", "priority", "scale", "fast", "ultrafast")
    },
    # learn.microsoft.com, "Priority processing"
    "azure": {"default": "default", "priority": "priority", "fast": "priority"},
    # console.groq.com, "Service tiers"
    "groq": {"default": "on_demand", "flex": "flex"},
    # docs.anthropic.com, "Service tiers"
    "anthropic": {"default": "standard_only"},
}


def tier_name(given: str, profile: Profile) -> str | None:
    """Return a server's name for a tier, None if none is sent."""
    return _NAMES[profile.tiers].get(given) if profile.service_tier else None


def is_tier_ignored(given: str | None, profile: Profile) -> bool:
    """Tell whether the requested tier cannot be sent to the server."""
    return given not in (None, "auto") and tier_name(given or "", profile) is None
