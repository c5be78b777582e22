"""How individual servers and model families differ, as data."""

from app.providers.profiles.agent_tools import known_tools
from app.providers.profiles.cache_minimums import least_cached_tokens
from app.providers.profiles.choice import PROFILES, profile_of
from app.providers.profiles.families import (
    facts_of,
    is_any,
    is_reasoning_model,
    listed_effort,
    may_reason,
    no_reasoning,
    sampling_efforts,
    takes_effort,
    wants_reasoning,
)
from app.providers.profiles.hosts import deployment_in, profile_by_url
from app.providers.profiles.profile import Profile, ToolChoiceForm
from app.providers.profiles.tiers import is_tier_ignored, tier_name
from app.providers.profiles.vendor_names import vendor_name

__all__ = [
    "PROFILES",
    "Profile",
    "ToolChoiceForm",
    "deployment_in",
    "facts_of",
    "is_any",
    "is_reasoning_model",
    "is_tier_ignored",
    "known_tools",
    "least_cached_tokens",
    "listed_effort",
    "may_reason",
    "no_reasoning",
    "profile_by_url",
    "profile_of",
    "sampling_efforts",
    "takes_effort",
    "tier_name",
    "vendor_name",
    "wants_reasoning",
]
