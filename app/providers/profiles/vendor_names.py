"""What OpenTelemetry's conventions call a vendor (`gen_ai.provider.name`)."""

from __future__ import annotations

from app.providers.profiles.hosts import profile_by_url
from app.settings import ProviderSettings

#: The profile of a vendor -> its name, where that is another. Their registry of attributes.
_NAMES = {
    "azure": "azure.ai.openai",
    "azure-deployments": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "gemini": "gcp.gemini",
    "mistral": "mistral_ai",
    "vertex": "gcp.vertex_ai",
    "xai": "x_ai",
}
_UNKNOWN = "generic"


def vendor_name(settings: ProviderSettings) -> str:
    """Return the vendor of a provider, whose own name it is where nothing says who that is."""
    if settings.api == "local":
        return settings.name
    profile = settings.profile or profile_by_url(settings.base_url)
    return settings.name if profile == _UNKNOWN else _NAMES.get(profile, profile)
