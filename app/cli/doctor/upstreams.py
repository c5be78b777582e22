"""What `doctor` reports about providers, the models gateway.toml wants of them, and issuers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from app.cli.doctor.finding import Finding, State
from app.cli.doctor.upstream_keys import NoKey, with_key
from app.errors import (
    GatewayError,
    UpstreamRateLimited,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from app.factory.core import key_document
from app.providers.registry import Survey, models_address, survey
from app.services.accounts.tokens.public_keys import BadKeySet, read_keys
from app.settings import IssuerSettings, ModelSettings, ProviderSettings, Settings
from app.settings.found import MODEL_SERVERS
from app.settings.tables import did_you_mean

_MOST_NAMED = 5
_PROXY_LOGIN = "mend the proxy's login or rules: proxy = http://USER:PASSWORD@HOST:PORT"


def provider_findings(settings: Settings, provider: ProviderSettings) -> list[Finding]:
    """Ask a provider, or one key of its pool, for its models, also to see that it is reachable."""
    return list(_looked_at(settings, provider))


def _looked_at(settings: Settings, provider: ProviderSettings) -> Iterator[Finding]:
    table = f"[providers.{_table_of(provider)}]"
    try:
        provider = with_key(provider)
        found = survey(provider)
    except NoKey as fault:
        remedy = f"run the command by hand, as the user of the service, and mend {table}"
        yield Finding(provider.name, "failed", str(fault), remedy)
    except GatewayError as error:
        # A server without a key whose models are discovered may be one that nobody configured.
        nobodys = provider.discover and provider.api_key is None
        away = isinstance(error, UpstreamUnavailable)
        unnamed = provider in MODEL_SERVERS  # another service may have the port
        state: State = "warning" if unnamed or (nobodys and away) else "failed"
        detail = f"{error.message} ({_way(provider)})"
        remedy = _remedy(error, provider, settings, table)
        if state == "warning":
            remedy = f"nothing, if you have no such server; else {remedy}"
        yield Finding(provider.name, state, detail, remedy)
    else:
        yield _well(found, provider)
        yield from _models(settings.models, provider, found)


def _table_of(provider: ProviderSettings) -> str:
    """Return the name of its table: a key of a pool is called "provider/key"."""
    return provider.name.partition("/")[0]


def _well(found: Survey, provider: ProviderSettings) -> Finding:
    detail = f"models: {len(found.models)}" if found.models else "answers"
    if provider.proxy:
        detail += f", by proxy {_host_of(provider.proxy)}"
    if found.detected is None or (found.detected == found.profile and provider.profile):
        return Finding(provider.name, "ok", detail)
    if found.detected == found.profile:
        return Finding(provider.name, "ok", f"{detail}; it reports that it is {found.detected}")
    why = f"it reports that it is {found.detected}, but is treated as {found.profile}"
    remedy = f'profile = "{found.detected}": see docs/profiles.md'
    return Finding(provider.name, "warning", f"{detail}; {why}", remedy)


def _way(provider: ProviderSettings) -> str:
    """Return the request that was sent, and the proxy that it went by."""
    by = f" by proxy {_host_of(provider.proxy)}" if provider.proxy else ""
    return f"GET {models_address(provider)}{by}"


def _host_of(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]


def _remedy(error: GatewayError, provider: ProviderSettings, settings: Settings, table: str) -> str:
    match error:
        case UpstreamRefused():
            if provider.api_key is None:
                return f"{table} has no key: set api_key_env, api_key_file or api_key_command"
            return f"renew the key of {table}, or see whether its account may list models"
        case UpstreamRateLimited():
            return "nothing: the key works and is out of its quota for now"
        case UpstreamTimeout() | UpstreamUnavailable():
            return _remedy_of_the_way(error.message, provider, settings, table)
        case _ if provider.proxy and "the proxy" in error.message:
            return _PROXY_LOGIN
        case _:
            return f"see whether {table} base_url is right: it usually ends in /v1"


def _remedy_of_the_way(
    message: str, provider: ProviderSettings, settings: Settings, table: str
) -> str:
    if "proxy" in message:
        return _PROXY_LOGIN
    if "certificate" in message:
        return f"name its authority: {table} ca_file, or SSL_CERT_FILE"
    if settings.network.unused:
        names = ", ".join(settings.network.unused)
        return f"if it is behind {names}: [upstreams] use_environment_proxies = true"
    if provider.proxy:
        return f"see whether the proxy runs, and whether {table} base_url is right"
    return f"see whether it runs, and whether {table} base_url is right"


def _models(
    models: Sequence[ModelSettings], provider: ProviderSettings, found: Survey
) -> Iterator[Finding]:
    """Report the models that gateway.toml wants of a provider and that its list lacks."""
    served = found.models
    if not served or (found.profile or "").startswith("azure"):
        return  # Azure lists models, and is called by the names of deployments
    name = _table_of(provider)
    wanted = {m.upstream_model or m.id: f'[models."{m.id}"]' for m in models if m.provider == name}
    prefix = f"{name}/"
    wanted = {model.removeprefix(prefix): table for model, table in wanted.items()}
    wanted |= {
        each.removeprefix(prefix): f'fallbacks of [models."{m.id}"]'
        for m in models
        for each in m.fallbacks
        if each.startswith(prefix)
    }
    literal = [each for each in provider.models if not {*"*?["} & {*each}]
    wanted |= dict.fromkeys(literal, f"[providers.{name}] models")
    for model, table in list(_missing(wanted.items(), served))[:_MOST_NAMED]:
        hint = did_you_mean(model, served)
        yield Finding(
            provider.name,
            "warning",
            f"{table} wants {model}, which is not in its list of models{hint}",
            f"mend it; what it serves: GET {models_address(provider)}",
        )


def _missing(wanted: Iterable[tuple[str, str]], served: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield models that match no id in the list; an id may have a date or a tag appended."""
    for model, table in wanted:
        if not any(each == model or fnmatchcase(each, f"{model}[-:@]*") for each in served):
            yield model, table


def issuer_finding(issuer: IssuerSettings) -> Finding:
    """Fetch an issuer's keys, and report the outcome."""
    what, table = f"issuer {issuer.name}", "[[auth.jwt]]"
    try:
        found = read_keys(key_document(issuer).fetch(), issuer.algorithms)
    except GatewayError as error:
        remedy = f"see whether {table} jwks_url, jwks_ca_file and jwks_token_file are right"
        if issuer.jwks_file is not None:
            remedy = "have the file readable for the user of the service"
        return Finding(what, "failed", error.message, remedy)
    except BadKeySet as error:
        where = issuer.jwks_url or issuer.jwks_file
        return Finding(
            what, "failed", f"{where} {error}", f"mend jwks_url, or algorithms, of {table}"
        )
    return Finding(what, "ok", f"keys: {len(found.keys)}")
