"""An operator at the command line of a gateway whose accounts are in memory."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import click
from click.testing import Result

from app.api import context
from app.factory import create_app
from app.services.accounts.service import Accounts
from app.services.limits.limiter import RateLimiter
from app.services.limits.meter import Meter
from app.services.limits.usage import UsageBook
from app.settings import LimitSettings, Settings
from app.store.accounts.base import AccountStore
from tests.memory_stores.accounts import MemoryAccountStore
from tests.memory_stores.rate_limits import MemoryRateLimitStore
from tests.memory_stores.usage import MemoryUsageStore
from tests.services.clocks import Clock


class Operator:
    """Gives commands; `accounts` and `book` are those of the gateway, `clock` is the book's."""

    def __init__(self, store: AccountStore | None = None, settings: Settings | None = None) -> None:
        self.app = create_app(settings or Settings(), account_store=store or MemoryAccountStore())
        self.clock = Clock()
        rate_limits = MemoryRateLimitStore()
        self.book = UsageBook(MemoryUsageStore(rate_limits.adjust), self.clock, _nothing)
        limiter = RateLimiter(rate_limits, LimitSettings(), str, _nothing)
        keys = settings.usage.metadata_keys if settings else ()
        meter = Meter(limiter, self.book, metadata_keys=keys)
        with self.app.app_context():
            context.install(self.app, replace(context.services(), meter=meter))

    @property
    def accounts(self) -> Accounts:
        with self.app.app_context():
            return context.services().accounts

    def runs(self, command: click.Command, *args: str, said: str | None = None) -> Result:
        """Return what came of a command, whatever that is; `said` is what stdin says."""
        return self.app.test_cli_runner().invoke(command, args, input=said)

    def reads(self, command: click.Command, *args: str) -> str:
        """Return what a command that succeeds printed on stdout."""
        result = self.runs(command, *args)
        assert result.exit_code == 0, result.output
        return result.stdout

    def reads_json(self, command: click.Command, *args: str) -> Any:
        """Return what a command printed with --json."""
        return json.loads(self.reads(command, *args, "--json"))


def _nothing() -> None:
    """Hear of an outage that a store in memory does not have."""
