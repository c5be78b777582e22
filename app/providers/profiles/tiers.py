"""What service tiers are called at each kind of server."""

from __future__ import annotations

from collections.abc import Mapping

from app.providers.profiles.profile import Profile, TierNames

#: Our names -> theirs; what is missing cannot be had there. `auto` is what every server does when
#: nothing is said, and `fast` is `priority` where there is no other (R10).
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
    """Return what a server calls a tier, None where it is not sent one."""
    return _NAMES[profile.tiers].get(given) if profile.service_tier else None


def is_tier_ignored(given: str | None, profile: Profile) -> bool:
    """Tell whether a tier is asked for that cannot be sent to the server."""
    return given not in (None, "auto") and tier_name(given or "", profile) is None
