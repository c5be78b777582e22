"""An operator at the command line of a gateway whose accounts are in memory."""

from __future__ import annotations

import json
from typing import Any

import click
from click.testing import Result

from app.api import current
from app.factory import create_app
from app.services.accounts import Accounts
from app.settings import Settings
from app.store.accounts_base import AccountStore
from app.store.accounts_memory import MemoryAccountStore


class Operator:
    """Gives commands; `accounts` are those of the gateway."""

    def __init__(self, store: AccountStore | None = None) -> None:
        self._app = create_app(Settings(), account_store=store or MemoryAccountStore())

    @property
    def accounts(self) -> Accounts:
        with self._app.app_context():
            return current.services().accounts

    def runs(self, command: click.Command, *args: str) -> Result:
        """Return what came of a command, whatever that is."""
        return self._app.test_cli_runner().invoke(command, args)

    def reads(self, command: click.Command, *args: str) -> str:
        """Return what a command that succeeds printed on stdout."""
        result = self.runs(command, *args)
        assert result.exit_code == 0, result.output
        return result.stdout

    def reads_json(self, command: click.Command, *args: str) -> Any:
        """Return what a command printed with --json."""
        return json.loads(self.reads(command, *args, "--json"))
