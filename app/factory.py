"""The composition root: the only module that knows every room. Opens no connection."""

from __future__ import annotations

import time
from collections.abc import Mapping

from flask import Flask

from app.api import current, docs, errors, health, models, requests, responses
from app.api.bodies import BODY_LIMIT
from app.api.hangup import HangUps
from app.providers.base import Provider
from app.providers.profiles import is_reasoning_model
from app.providers.registry import build
from app.services.accounts import Accounts
from app.services.answering import Answering
from app.services.breakers import Breakers
from app.services.discovery import Discovery
from app.services.health import Health
from app.services.models import ModelCatalog
from app.services.responses import Responses
from app.services.retries import Retries
from app.services.routing import Router
from app.services.seal import Sealer
from app.settings import Settings
from app.store.accounts import RedisAccountStore
from app.store.accounts_base import AccountStore
from app.store.base import ResponseStore
from app.store.connect import connect
from app.store.redis import RedisStore
from app.telemetry import configure_logging

BLUEPRINTS = (responses.bp, models.bp, health.bp, docs.bp)


def create_app(
    settings: Settings,
    *,
    store: ResponseStore | None = None,
    account_store: AccountStore | None = None,
    providers: Mapping[str, Provider] | None = None,
) -> Flask:
    """Return the WSGI application; what is given takes the place of what settings would make."""
    configure_logging(settings.log_level, settings.log_format)
    app = Flask(__name__, static_folder=None)
    app.config.update(MAX_CONTENT_LENGTH=BODY_LIMIT, PROVIDE_AUTOMATIC_OPTIONS=False)
    app.url_map.merge_slashes = False
    app.json.sort_keys = False  # type: ignore[attr-defined]  # Flask's own provider has it
    current.install(app, _services(settings, store, account_store, providers))
    errors.register(app)
    requests.register(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    return app


def _services(
    settings: Settings,
    store: ResponseStore | None,
    account_store: AccountStore | None,
    providers: Mapping[str, Provider] | None,
) -> current.Services:
    client = connect(settings.redis)
    store = store or RedisStore(client, settings.redis.prefix)
    accounts = Accounts(
        account_store or RedisAccountStore(client, settings.redis.prefix), settings.limits
    )
    if settings.bootstrap_key_sha256 and settings.bootstrap_account:
        accounts.bootstrap(settings.bootstrap_key_sha256, settings.bootstrap_account)
    providers = providers or {each.name: build(each) for each in settings.providers}
    discovery = Discovery(
        (providers[each.name] for each in settings.providers if each.discover), time.monotonic
    )
    catalog = ModelCatalog(
        settings.providers, settings.models, providers, discovery, is_reasoning_model
    )
    breakers = Breakers((each.name for each in settings.providers), time.monotonic)
    answering = Answering(
        store,
        catalog,
        Router(settings.providers, breakers, Retries()),
        Sealer(accounts.secret),
        lambda: int(time.time()),
    )
    return current.Services(
        responses=Responses(store, answering),
        accounts=accounts,
        catalog=catalog,
        health=Health(store.ping, lambda: None, breakers.states),
        hangups=HangUps(),
        requests=settings.requests,
    )
