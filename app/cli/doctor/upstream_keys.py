"""The keys of providers: those that rest in a running gateway, and each as it can be tried."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace

from prometheus_client.parser import text_string_to_metric_families

from app.cli.common.probe import ask
from app.providers.keys.credentials import CredentialUnreadable, read_credential
from app.providers.registry import member
from app.settings import KeySource, ProviderSettings

_METRIC = "gateway_upstream_key_rests_until_timestamp_seconds"


class NoKey(Exception):
    """A command has printed no key; the text says why."""


def one_by_one(settings: ProviderSettings) -> Iterator[ProviderSettings]:
    """Yield a provider, or one per key of its pool, named "provider/key"."""
    if not settings.keys:
        yield settings
    for key in settings.keys:
        name = f"{settings.name}/{key.id}"
        yield replace(member(settings, key), name=name, api_key_source=key.source)


def with_key(settings: ProviderSettings) -> ProviderSettings:
    """Return the settings with the key that its command prints now.

    Raises:
        NoKey: the command prints none.
    """
    source = settings.api_key_source or KeySource()
    if not source.command:
        return settings
    try:
        return replace(settings, api_key=read_credential(source))
    except CredentialUnreadable as fault:
        raise NoKey(f"its api_key_command {fault.reason}") from None


def resting_keys(bind: str) -> Mapping[str, Mapping[str, int]]:
    """Return for how many seconds keys rest in the gateway at `bind`, by provider and id.

    Empty if none answers, or if something other than a gateway does.
    """
    answer = ask(bind, "/metrics")
    if answer is None or answer[0] != 200:
        return {}
    try:
        return resting_at(answer[1].decode("utf-8", "replace"), time.time())
    except ValueError:
        return {}


def resting_at(exposition: str, now: float) -> Mapping[str, Mapping[str, int]]:
    """Return the same from a page of metrics, at a Unix time."""
    rests: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for family in text_string_to_metric_families(exposition):
        for sample in family.samples if family.name == _METRIC else ():
            if sample.value > now:
                rests[sample.labels["provider"]][sample.labels["key"]] = round(sample.value - now)
    return rests
