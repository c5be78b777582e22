"""Builds the keys of providers: pools, and credentials that are read again at run time."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from app.providers.base import Provider
from app.providers.http import HTTPProvider
from app.providers.keys.pooled import PooledProvider
from app.services.upstreams.keys.credential import Credential, Renewable
from app.services.upstreams.keys.keyed_call import ProviderKeys
from app.services.upstreams.keys.pool import KeyPool
from app.services.upstreams.keys.renewals import Renewals
from app.settings import KeySettings, ProviderSettings, Settings
from app.telemetry import key_rests


@dataclass(frozen=True, slots=True)
class UpstreamKeys:
    """The keys of each provider that has a pool or a credential to read again; and the renewals."""

    of_provider: Mapping[str, ProviderKeys]
    renewals: Renewals

    def resting(self) -> dict[str, dict[str, bool]]:
        """Return for each key of a pool whether it rests, by provider and id."""
        pools = ((name, each.pool) for name, each in self.of_provider.items())
        return {name: pool.resting() for name, pool in pools if pool is not None}


def upstream_keys(settings: Settings, providers: Mapping[str, Provider]) -> UpstreamKeys:
    """Return the keys of all providers; nothing is read yet."""
    found = {
        each.name: _keys(each, providers[each.name], settings.commands_run_at)
        for each in settings.providers
    }
    credentials = [each for keys in found.values() for each in keys.credentials.values()]
    needed = {name: keys for name, keys in found.items() if keys.pool or keys.credentials}
    return UpstreamKeys(needed, Renewals(credentials))


def _keys(settings: ProviderSettings, provider: Provider, read_at: float | None) -> ProviderKeys:
    pool = None
    if settings.keys:
        on_rest = partial(key_rests, settings.name)
        pool = KeyPool(settings.name, settings.keys, time.monotonic, on_rest)
    credentials = {}
    if isinstance(provider, HTTPProvider | PooledProvider):
        for each in _renewable(settings, provider, read_at):
            credential = credentials[each.key] = Credential(each, time.monotonic)
            if pool is not None and each.key is not None:
                credential.changed = partial(pool.wake, each.key)
    return ProviderKeys(pool, credentials)


def _renewable(
    settings: ProviderSettings, provider: HTTPProvider | PooledProvider, read_at: float | None
) -> Iterator[Renewable]:
    """Yield the credentials of a provider that are read again."""
    own = KeySettings(id="", api_key=settings.api_key, source=settings.api_key_source)
    for key in settings.keys or (own,):
        if key.source is not None:
            yield Renewable(
                provider=settings.name,
                key=key.id or None,
                source=key.source,
                refresh_s=settings.api_key_refresh_s,
                api_key=key.api_key,
                read_at=read_at,
                use=partial(provider.use_key, key.id),
            )
