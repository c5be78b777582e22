"""Says which files of tests one of xdist's processes runs together: those that share gateways."""

from __future__ import annotations

import re
from functools import cache

from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped] # it has none

from tests.processes import ROOT

#: Files that share gateways of tests/e2e/conftest.py, by what they name of it: those of every kind,
#: and the default one, where a file has no `gateway` of its own.
_SHARING = {
    "every gateway": re.compile(
        r"\b(either_gateway|gthread_gateway|impatient_gateway|openai_client)\b"
    ),
    "the default gateway": re.compile(
        r"\A(?!.*\bdef gateway\().*(\bgevent_gateway\b|\bdef test_\w+\([^)]*\bgateway: Gateway\b)",
        re.DOTALL,
    ),
}


class SharedGateways(LoadFileScheduling):  # type: ignore[misc] # as above
    """Has a file's tests run in one process, and with them those of what shares its gateways.

    MEASURED: of four processes each had started all gateways, in six CPU seconds.
    """

    def _split_scope(self, nodeid: str) -> str:
        path: str = super()._split_scope(nodeid)
        return shared_by(path)


@cache
def shared_by(path: str) -> str:
    """Return what a file shares with others, else its path."""
    if path.startswith("tests/e2e/"):
        text = (ROOT / path).read_text("utf-8")
        for what, named in _SHARING.items():
            if named.search(text):
                return what
    return path
