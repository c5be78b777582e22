"""How an operator's command fails."""

from __future__ import annotations

import pytest

from app.cli.keys import keys
from app.factory import create_app
from app.settings import RedisSettings, Settings
from tests.processes import free_port


@pytest.mark.parametrize("user", ["", "ann:secret@"])
def test_a_command_without_redis_says_where_it_looked(user: str) -> None:
    port = free_port()
    app = create_app(Settings(redis=RedisSettings(url=f"redis://{user}127.0.0.1:{port}")))
    result = app.test_cli_runner().invoke(keys, ["list"])
    assert (result.exit_code, result.stderr) == (
        1,
        "Error: Redis is unreachable; try again soon. REDIS_URL: Error 111 connecting to "
        f"127.0.0.1:{port}. Connection refused.\n",
    )
