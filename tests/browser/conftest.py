"""A browser, and the gateway that it looks at: local models alone, a web process and a worker.

Without a Chromium on the machine these tests are skipped, and say so.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

import pytest

from app.services.accounts.service import Accounts
from app.settings import LimitSettings, RedisSettings
from app.store.accounts.redis import RedisAccountStore
from app.store.connection.client import connect
from tests.browser.console import Console, Visit
from tests.e2e import gateway as gateways
from tests.e2e.gateway import Gateway, Keys
from tests.e2e.workers import brief
from tests.processes import PATIENCE_S

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
#: Its worker lives to the end of the run, and is to take no job of the end-to-end tests.
REDIS_PREFIX = "browser:"
#: A model whose name would be markup, if a page let it.
HOSTILE_MODEL = "<img src=x onerror=alert(1)>"
CONFIG = f"""
[providers.local]
api = "local"

[models."priced"]
provider = "local"
upstream_model = "echo"
price = {{ input = 100.0, output = 400.0 }}

[models."slow"]
provider = "local"
upstream_model = "slow-echo"

[models.{json.dumps(HOSTILE_MODEL)}]
provider = "local"
upstream_model = "echo"
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything in this folder, and skip it where there is no browser."""
    for item in items:
        if item.nodeid.startswith("tests/browser/"):
            item.add_marker(pytest.mark.e2e)
            if CHROMIUM is None:
                item.add_marker(
                    pytest.mark.skip(reason="there is no Chromium: apt install chromium")
                )


@pytest.fixture(scope="session")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the gateway's files are."""
    return tmp_path_factory.mktemp("console")


@pytest.fixture(scope="session")
def environment(redis_url: str, directory: Path) -> dict[str, str]:
    """What the gateway's processes are told from outside."""
    config = directory / "gateway.toml"
    config.write_text(CONFIG)
    return gateways.environment(
        redis_url, config, SPOOL_DIR=str(directory / "spool"), REDIS_PREFIX=REDIS_PREFIX
    )


@pytest.fixture(scope="session")
def gateway(environment: dict[str, str], directory: Path) -> Iterator[Gateway]:
    """A web process and a worker."""
    nobody = Keys("", "")
    with (
        gateways.running(environment, nobody, directory, "gevent", 1) as gateway,
        brief(environment, directory),
    ):
        yield gateway


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, without a window."""
    driver = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with driver.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture
def accounts(redis_url: str) -> Iterator[Accounts]:
    """The gateway's accounts, in the hands of its operator."""
    with connect(RedisSettings(url=redis_url)) as client:
        yield Accounts(RedisAccountStore(client, REDIS_PREFIX), LimitSettings())


@pytest.fixture
def visit(browser: Browser, gateway: Gateway, accounts: Accounts) -> Iterator[Visit]:
    """Somebody with a new account and a browser that knows nothing yet."""
    key, secret = accounts.create_key(f"browser-{token_hex(4)}", by="test")
    context = browser.new_context()
    context.set_default_timeout(PATIENCE_S * 1000)
    visit = Visit(Console(context.new_page(), gateway.url), gateway, key.id, secret)
    yield visit
    context.close()
    assert visit.console.faults == []


@pytest.fixture
def console(visit: Visit) -> Console:
    """The console, with that key signed in."""
    visit.console.open()
    visit.console.sign_in(visit.secret)
    return visit.console
