"""Resolves a model id to upstream models for a caller, and lists the ids that there are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache, reduce

from app.domain.accounts.accounts import Caller
from app.domain.hosted.policy import NOTHING_PASSES, PassPolicy
from app.domain.models import ModelCard, is_deep_research
from app.domain.prices import Tariff, configured
from app.errors import InvalidRequest, NotFound, PermissionDenied
from app.providers.base import Provider
from app.services.upstreams.cards import card_of, near_ids
from app.services.upstreams.discovery import Discovery
from app.services.upstreams.model_labels import OTHER, ModelLabels
from app.settings import ModelSettings, ProviderSettings

MAX_CACHED = 1024

_GLOB = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class Target:
    """One model of one provider that can answer a request.

    `id` is its name here: the one in the request, or a fallback's. `samples_at` are the efforts
    (None: none given) at which it accepts sampling parameters (R5), None for all. `reasons` is what
    the configuration says of whether it reasons, None for nothing. `tariff` is its price, None if
    unknown. `label` replaces the id in metrics. `keys` are the ids of its provider's pool, and
    `key` the one that answers.
    """

    id: str
    provider: Provider
    upstream_model: str
    samples_at: frozenset[str | None] | None = None
    max_output_tokens: int | None = None
    reasons: bool | None = None
    label: str = OTHER
    tariff: Tariff | None = None
    keys: frozenset[str] = frozenset()
    key: str | None = None

    @property
    def origin(self) -> str:
        """The origin of its payloads (U11): its provider, and the key that answers."""
        name = self.provider.name
        return name if self.key is None else f"{name}/{self.key}"


@dataclass(frozen=True, slots=True)
class _Route:
    """A provider's name, and its own id of a model."""

    provider: str
    model: str


class ModelCatalog:
    """The models of this gateway, in the order of its configuration.

    `settings` and `models` are consistent (app.settings ensures it), and `providers` has every
    provider that they name. `context_window_of` returns how many tokens a provider's model, by its
    upstream name, can read, if neither its configuration nor its server says so. `tariff_of`
    returns the price of a provider's model, if `models` do not say it.
    """

    def __init__(
        self,
        settings: Iterable[ProviderSettings],
        models: Iterable[ModelSettings],
        providers: Mapping[str, Provider],
        discovery: Discovery,
        sampling_efforts: Callable[[str, bool | None], frozenset[str | None] | None],
        *,
        context_window_of: Callable[[str, str], int | None] = lambda _provider, _model: None,
        tariff_of: Callable[[str, str], Tariff | None] = lambda _provider, _model: None,
    ) -> None:
        settings, models = tuple(settings), tuple(models)
        self._served = {provider.name: provider.models for provider in settings}
        pools = {each.name: frozenset(key.id for key in each.keys) for each in settings}
        self._pools = {name: keys for name, keys in pools.items() if keys}
        self._configured = {model.id: model for model in models}
        self._providers = providers
        self._discovery = discovery
        self._sampling_efforts = sampling_efforts
        self._context_window_of = context_window_of
        self._tariff_of = tariff_of
        self._passes = any(each.forward or each.hosted_tools for each in settings)
        self._labels = ModelLabels(self._configured, self._served, discovery)
        self._facts = {_route_of(model): model for model in self._configured.values()}
        self._prices = {_route_of(each): each.price for each in models if each.price is not None}
        self._fixed_route = lru_cache(MAX_CACHED)(self._configured_route)
        self._resolved: dict[tuple[str, tuple[str, ...]], tuple[Target, ...]] = {}

    def resolve(self, model_id: str, caller: Caller) -> tuple[Target, ...]:
        """Return the targets that may answer for the id: its model, then its fallbacks in order.

        Fallbacks of fallbacks come last. Those that do not exist, or that this caller or nobody may
        use, are left out. `provider/model` has fallbacks only if that very id is configured.

        Raises:
            InvalidRequest: it is a deep-research model (R6).
            PermissionDenied: the caller's key may not use the id.
            NotFound: no provider serves it.
        """
        # MEASURED: looking up a model takes 25 function calls, a fortieth of a small request.
        key = (model_id, caller.models)
        targets = self._resolved.get(key)
        if targets is None:
            targets = self._look_up(model_id, caller)
            if self._is_fixed(model_id) and not any(map(self._may_be_listed, targets)):
                if len(self._resolved) >= MAX_CACHED:
                    self._resolved.clear()
                self._resolved[key] = targets
        return targets

    def policy(self, model_id: object) -> PassPolicy:
        """Return what the first-choice provider for an id is sent unchanged (P1, P2)."""
        if not self._passes or not isinstance(model_id, str):
            return NOTHING_PASSES
        route = self._route(model_id)
        return NOTHING_PASSES if route is None else self._providers[route.provider].policy

    def passed(self, caller: Caller) -> PassPolicy:
        """Return all that any provider is sent unchanged, as far as the caller may use it."""
        policies = (each.policy for each in self._providers.values())
        everything = reduce(PassPolicy.joined, policies, NOTHING_PASSES)
        return everything.restricted(caller.hosted_tools)

    def label(self, model_id: str) -> str:
        """Return a model's name in metrics: "other" if the id is not known by name."""
        return self._labels.of(model_id)

    def refuse_forbidden(self, model_id: str, caller: Caller) -> None:
        """Raise PermissionDenied if the caller may not use a model of this id."""
        if not caller.may_use(model_id):
            raise PermissionDenied(
                f"This key may not use the model '{model_id}'.",
                param="model",
                code="model_not_allowed",
            )

    def _may_be_listed(self, target: Target) -> bool:
        """Tell whether a target without a label may get one once its server's list is fetched."""
        return target.label == OTHER and self._discovery.known(target.provider.name) == ()

    def _is_fixed(self, model_id: str) -> bool:
        """Tell whether the id and its fallbacks can be resolved without any server's list."""
        ids = [model_id]
        for each in ids:  # grows while it is walked
            if self._fixed_route(each) is None:
                return False
            own = self._configured.get(each)
            ids += [fallback for fallback in (own.fallbacks if own else ()) if fallback not in ids]
        return True

    def _look_up(self, model_id: str, caller: Caller) -> tuple[Target, ...]:
        if is_deep_research(model_id):
            raise _refused(model_id)
        self.refuse_forbidden(model_id, caller)
        route = self._route(model_id)
        if route is None:
            raise self._unknown(model_id, caller)
        if is_deep_research(route.model):
            raise _refused(model_id)
        return tuple(self._targets(model_id, caller))

    def _targets(self, model_id: str, caller: Caller) -> Iterator[Target]:
        ids = [model_id]
        routes: set[_Route] = set()
        for each in ids:  # grows while it is walked, but each route adds to it once
            route = self._route(each)
            if route is None or route in routes or is_deep_research(route.model):
                continue
            routes.add(route)
            yield self._target(each, route)
            own = self._configured.get(each)
            for fallback in own.fallbacks if own else ():
                if caller.may_use(fallback):
                    ids.append(fallback)

    def _target(self, model_id: str, route: _Route) -> Target:
        settings = self._configured.get(model_id) or self._facts.get(route)
        reasons = settings.reasoning if settings else None
        return Target(
            model_id,
            self._providers[route.provider],
            route.model,
            self._sampling_efforts(route.model, reasons),
            settings.max_output_tokens if settings else None,
            reasons,
            self._labels.of(model_id),
            self._tariff(model_id, route),
            self._pools.get(route.provider, frozenset()),
        )

    def _tariff(self, model_id: str, route: _Route) -> Tariff | None:
        """Return a model's tariff: that of its id, of another id for it, or else its vendor's."""
        own = self._configured.get(model_id)
        price = (own and own.price) or self._prices.get(route)
        if price is not None:
            return configured(price)
        return self._tariff_of(route.provider, route.model)

    def _route(self, model_id: str) -> _Route | None:
        route = self._fixed_route(model_id)
        if route is not None:
            return route
        for name in self._served:
            if self._discovery.lists(name, model_id):
                return _Route(name, model_id)
        return None

    def _configured_route(self, model_id: str) -> _Route | None:
        configured = self._configured.get(model_id)
        if configured is not None:
            return _route_of(configured)
        provider, _, model = model_id.partition("/")
        if model and provider in self._served:
            return _Route(provider, model)
        for name, globs in self._served.items():
            if any(fnmatchcase(model_id, glob) for glob in globs):
                return _Route(name, model_id)
        return None

    def cards(self, caller: Caller) -> Iterator[ModelCard]:
        """Yield the models that are known by name and that the caller may use, in order."""
        cards = (self._card(model_id, caller) for model_id in dict.fromkeys(self._ids()))
        return (card for card in cards if card is not None)

    def patterns(self) -> Iterator[tuple[str, str]]:
        """Yield a provider and a glob for everything that is served but not known by name."""
        for provider, globs in self._served.items():
            yield from ((provider, glob) for glob in globs if not _GLOB.isdisjoint(glob))
            yield provider, f"{provider}/*"

    def card(self, model_id: str, caller: Caller) -> ModelCard:
        """Return one model.

        Raises:
            NotFound: no provider is known to serve it, or the caller may not use it.
        """
        card = self._card(model_id, caller)
        if card is None:
            raise self._unknown(model_id, caller)
        return card

    def _unknown(self, model_id: str, caller: Caller) -> NotFound:
        near = near_ids(model_id, filter(caller.may_use, self._ids()))
        meant = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
        return NotFound(
            f"The model '{model_id}' does not exist, or no provider here serves it.{meant} "
            "GET /v1/models lists the models that this key may use.",
            param="model",
            code="model_not_found",
        )

    def _ids(self) -> Iterator[str]:
        yield from self._configured
        for globs in self._served.values():
            yield from (glob for glob in globs if _GLOB.isdisjoint(glob))
        for name in self._served:
            yield from (f"{name}/{model}" for model in self._discovery.models(name))

    def _card(self, model_id: str, caller: Caller) -> ModelCard | None:
        route = self._route(model_id)
        if route is None or not caller.may_use(model_id):
            return None
        if is_deep_research(model_id) or is_deep_research(route.model):
            return None
        if model_id not in self._configured and self._is_missing(route):
            return None
        settings = self._configured.get(model_id) or self._facts.get(route)
        provider = self._providers[route.provider]
        window = self._context_window_of(route.provider, route.model)
        return card_of(model_id, provider, route.model, settings, window, caller.hosted_tools)

    def _is_missing(self, route: _Route) -> bool:
        """Tell whether the provider lists models, but not this one."""
        listed = self._discovery.models(route.provider)
        return bool(listed) and not self._discovery.lists(route.provider, route.model)


def _route_of(model: ModelSettings) -> _Route:
    """Return the route of a configured model."""
    own_id = model.id.removeprefix(f"{model.provider}/")
    return _Route(model.provider, model.upstream_model or own_id)


def _refused(model_id: str) -> InvalidRequest:
    return InvalidRequest(
        f"The model '{model_id}' is not supported: deep-research models cannot be used here.",
        param="model",
        code="unsupported_value",
    )
