"""What of a request a provider is sent as it came, and which providers may be asked then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.domain.hosted.moderation import MODERATION, blocking
from app.domain.hosted.policy import PassPolicy
from app.domain.request import CreateRequest, Parameters
from app.services.upstreams.catalog import Target

_NOTHING: Mapping[str, Any] = {}


def passing(targets: Sequence[Target], request: CreateRequest) -> tuple[Target, ...]:
    """Return the targets without those that could not do what no header can waive.

    The first is there: the request was read as its provider takes it. To be blocked by a judge is
    a demand for safety: a fallback that is not sent it does not answer (R22).
    """
    if not blocking(request.forwarded.get(MODERATION), MODERATION):
        return tuple(targets)
    return tuple(each for each in targets if each.provider.policy.forwards(MODERATION))


def forwarded_to(
    policy: PassPolicy, fields: Mapping[str, Any], parameters: Parameters
) -> Mapping[str, Any]:
    """Return the fields, by path, that a provider with this policy is sent as they came (P1).

    Among them are parameters that the gateway knows, where the policy names them itself: its
    operator knows better than a profile that the server takes them.
    """
    if not policy.forward:
        return _NOTHING
    known = {name: getattr(parameters, name, None) for name in policy.forward}
    plain = {name: value for name, value in known.items() if isinstance(value, str | int | float)}
    return plain | {path: value for path, value in fields.items() if policy.forwards(path)}
