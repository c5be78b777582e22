"""What pages show of gateway.toml would be taken."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from app.settings import Settings
from tests.docs.documents import documents, relative
from tests.processes import ROOT
from tests.snippets.pages import Block, blocks

#: Keys at the top of a file of Codex's.
_OF_CODEX = frozenset({"model", "model_provider", "model_providers"})
_VARIABLE = re.compile(r'api_key_env = "(\w+)"')
#: Files that the reader has and this machine has not.
_ELSEWHERE = re.compile(r'_file = "/')

SHOWN = [
    (page, block)
    for page in documents()
    for block in blocks(page.read_text("utf-8"))
    if block.language == "toml" and not _OF_CODEX & tomllib.loads(block.text).keys()
]


@pytest.mark.parametrize(
    ("page", "block"), SHOWN, ids=[f"{relative(page)}:{block.first + 1}" for page, block in SHOWN]
)
def test_a_gateway_toml_on_a_page_is_taken(
    page: Path, block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if _ELSEWHERE.search(block.text):
        pytest.skip("it names files that are not here")
    assert settings_of(block.text, tmp_path, monkeypatch)


def test_the_gateway_toml_of_the_examples_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (ROOT / "docs" / "examples" / "gateway.toml").read_text("utf-8")
    settings = settings_of(text, tmp_path, monkeypatch)
    assert [model.id for model in settings.models] == ["best"]


def settings_of(text: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Return what a file says, with a key in each variable that it names."""
    monkeypatch.chdir(folder)
    Path("gateway.toml").write_text(text, "utf-8")
    return Settings.from_env(dict.fromkeys(_VARIABLE.findall(text), "some-key"))
