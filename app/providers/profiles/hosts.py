"""Recognise servers by their base URL."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from urllib.parse import unquote, urlsplit

#: Hosts, or globs of them -> the profile's name.
HOSTS = {
    "api.openai.com": "openai",
    "*.api.openai.com": "openai",  # us., eu.: by data residency
    "*.openai.azure.com": "azure",
    "*.openai.azure.us": "azure",
    "*.cognitiveservices.azure.com": "azure",
    "*.services.ai.azure.com": "azure",
    "api.anthropic.com": "anthropic",
    "bedrock-runtime.*.amazonaws.com": "bedrock",
    "bedrock-runtime-fips.*.amazonaws.com": "bedrock",
    "bedrock-mantle.*.api.aws": "bedrock",
    "aiplatform.googleapis.com": "vertex",
    "*-aiplatform.googleapis.com": "vertex",
    "aiplatform.*.rep.googleapis.com": "vertex",
    "generativelanguage.googleapis.com": "gemini",
    "api.groq.com": "groq",
    "api.cerebras.ai": "cerebras",
    "api.mistral.ai": "mistral",
    "codestral.mistral.ai": "mistral",
    "api.x.ai": "xai",
    "*.api.x.ai": "xai",
    "api.moonshot.ai": "moonshot",
    "api.moonshot.cn": "moonshot",
    "api.kimi.com": "moonshot",
    "api.deepseek.com": "deepseek",
    "dashscope.aliyuncs.com": "dashscope",
    "dashscope-*.aliyuncs.com": "dashscope",
    "*.dashscope.aliyuncs.com": "dashscope",
    "*.maas.aliyuncs.com": "dashscope",
    "api-inference.modelscope.cn": "dashscope",
    "api.z.ai": "zai",
    "open.bigmodel.cn": "zai",
    "api.minimax.io": "minimax",
    "api.minimaxi.com": "minimax",
    "api.minimax.chat": "minimax",
    "api.together.xyz": "together",
    "api.together.ai": "together",
    "api.fireworks.ai": "fireworks",
    "openrouter.ai": "openrouter",
    "*.openrouter.ai": "openrouter",
    "api.perplexity.ai": "perplexity",
}
#: Default ports of model servers that hardly anything else uses.
PORTS = {11434: "ollama", 1234: "lmstudio"}


#: learn.microsoft.com, "Azure OpenAI REST API reference": the older form of the URLs.
_DEPLOYMENT = re.compile(r"/openai/deployments/([^/]+)/?$")


def deployment_in(base_url: str) -> str | None:
    """Return the name of the deployment that a base URL ends with, None for any other URL."""
    match = _DEPLOYMENT.search(urlsplit(base_url).path)
    return unquote(match[1]) if match else None


def profile_by_url(base_url: str) -> str:
    """Return the name of the profile for a base URL, "generic" if the server is not known."""
    url = urlsplit(base_url)
    host = url.hostname or ""
    for known, name in HOSTS.items():
        if host == known or fnmatchcase(host, known):
            # URLs of deployments are bound to the API version in their query.
            dated = name == "azure" and "v1" not in url.path.split("/")
            return "azure-deployments" if dated else name
    return PORTS.get(url.port or 0, "generic")
