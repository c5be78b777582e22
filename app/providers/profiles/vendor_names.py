"""The names of vendors in OpenTelemetry's conventions (`gen_ai.provider.name`)."""

from __future__ import annotations

from app.providers.profiles.hosts import profile_by_url
from app.settings import ProviderSettings

#: A vendor's profile -> its name, if they differ. Source: OpenTelemetry's attribute registry.
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
    """Return the vendor of a provider, or the provider's own name if the vendor is unknown."""
    if settings.api == "local":
        return settings.name
    profile = settings.profile or profile_by_url(settings.base_url)
    return settings.name if profile == _UNKNOWN else _NAMES.get(profile, profile)
