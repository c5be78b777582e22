"""The prices that vendors publish: for their own hosts only, and of the model that is meant."""

from __future__ import annotations

from datetime import date

import orjson
import pytest

from app.domain.response import Usage
from app.providers.prices.library import FILE, PriceLibrary

OPENAI, ANTHROPIC = "https://api.openai.com/v1", "https://api.anthropic.com/v1"
NOW = 1_795_924_800.0  # 2026-11-29
MILLION = 10**6


@pytest.fixture(scope="module")
def library() -> PriceLibrary:
    return PriceLibrary.of_file()


def made(*models: dict[str, object], url: str = "https://api\\.openai\\.com") -> PriceLibrary:
    """Return a library of one host."""
    document = {"date": "2026-11-29", "source": "tests", "hosts": [{"id": "h", "url": url}]}
    document["hosts"][0]["models"] = list(models)  # type: ignore[index]
    return PriceLibrary(orjson.dumps(document))


def cost(
    library: PriceLibrary, model: str, usage: Usage, tier: str = "default", url: str = OPENAI
) -> int | None:
    tariff = library.at(url).tariff(model)
    return None if tariff is None else tariff.at(NOW).cost(usage, tier)


def test_the_file_has_a_day_a_source_and_the_source_s_licence() -> None:
    head = orjson.loads(FILE.read_bytes())
    assert date.fromisoformat(head["date"]).year >= 2026
    assert head["source"].startswith("genai-prices ")
    assert "The MIT License" in head["notice"]


def test_every_price_of_the_file_can_be_read(library: PriceLibrary) -> None:
    document = orjson.loads(FILE.read_bytes())
    for host in document["hosts"]:
        prices = made(*host["models"]).at(OPENAI)
        for model in host["models"]:
            if isinstance(model.get("match", model["id"]), str):
                tariff = prices.tariff(model["id"])
                assert (tariff is None) == ("prices" not in model) or len(host["models"]) > 1


@pytest.mark.parametrize(
    ("url", "model"),
    [
        (OPENAI, "gpt-5"),
        (OPENAI, "GPT-5"),
        (OPENAI, "gpt-5-2025-08-07"),
        (OPENAI, "gpt-5-20250807"),
        (OPENAI + "/", "gpt-4.1"),
        ("https://api.openai.com:443/v1", "gpt-4.1"),
        (ANTHROPIC, "claude-sonnet-4-5-20250929"),
        ("https://ours.openai.azure.com/openai/v1", "gpt-5"),
        ("https://api.moonshot.cn/v1", "kimi-k2-thinking"),
        ("https://generativelanguage.googleapis.com/v1beta/openai", "gemini-2.5-pro"),
        ("https://openrouter.ai/api/v1", "openai/gpt-5"),
    ],
)
def test_a_vendor_s_model_has_a_price_at_its_host(
    library: PriceLibrary, url: str, model: str
) -> None:
    assert library.at(url).tariff(model) is not None


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://127.0.0.1:8080/v1",
        "https://proxy.internal/v1",
        "https://api.openai.com.proxy.internal/v1",
        "https://api.openai.computer/v1",
        "https://proxy.internal/api.openai.com/v1",
        "https://proxy.internal/x.googleapis.com/v1",
        "https://api.moonshot.proxy.internal/v1",
    ],
)
def test_a_vendor_s_model_has_no_price_elsewhere(library: PriceLibrary, url: str) -> None:
    found = [library.at(url).tariff(model) for model in ("gpt-5", "gemini-2.5-pro", "kimi-k2.5")]
    assert found == [None, None, None]


def test_a_model_that_nobody_knows_has_no_price(library: PriceLibrary) -> None:
    assert library.at(OPENAI).tariff("my-own-model") is None


def test_a_tier_has_its_own_price(library: PriceLibrary) -> None:
    usage = Usage(MILLION // 10, 0)
    costs = [cost(library, "gpt-5", usage, tier) for tier in ("default", "flex", "priority")]
    assert costs == [125_000, 62_500, 250_000]


def test_a_cache_has_its_own_prices(library: PriceLibrary) -> None:
    usages = [
        Usage(100_000, 0, cached_tokens=100_000),
        Usage(100_000, 0, cache_write_tokens=100_000),
        Usage(100_000, 0, cache_write_tokens=100_000, cache_write_1h_tokens=100_000),
    ]
    model = "claude-sonnet-4-5"
    costs = [cost(library, model, usage, url=ANTHROPIC) for usage in usages]
    assert costs == [30_000, 375_000, 600_000]


def test_an_input_beyond_a_size_has_its_own_price(library: PriceLibrary) -> None:
    costs = [
        cost(library, "claude-sonnet-4-5", Usage(tokens, 1000), url=ANTHROPIC)
        for tokens in (200_000, 200_001)
    ]
    assert costs == [200_000 * 3 + 15_000, 200_001 * 6 + 22_500]


def test_the_first_model_that_matches_counts() -> None:
    library = made(
        {"id": "gpt-mini", "match": {"starts": "gpt-mini"}, "prices": [{"input": 1, "output": 1}]},
        {"id": "gpt", "match": {"contains": "gpt"}, "prices": [{"input": 9, "output": 9}]},
    )
    assert cost(library, "gpt-mini-2", Usage(1, 0)) == 1
    assert cost(library, "gpt-2", Usage(1, 0)) == 9


def test_a_model_without_a_price_hides_the_ones_behind_it() -> None:
    library = made(
        {"id": "gpt-voice", "match": {"ends": "voice"}},
        {
            "id": "gpt",
            "match": {"all": [{"starts": "gpt"}, {"regex": "^gpt"}]},
            "prices": [{"input": 9, "output": 9}],
        },
    )
    assert cost(library, "gpt-voice", Usage(1, 0)) is None
    assert cost(library, "gpt-text", Usage(1, 0)) == 9


def test_a_later_price_counts_from_its_day_on() -> None:
    library = made(
        {
            "id": "gpt",
            "prices": [
                {"input": 1, "output": 1},
                {"input": 2, "output": 2, "since": "2026-11-29"},
                {"input": 3, "output": 3, "since": "2026-11-30"},
                {"input": 4, "output": 4, "daily": [60, 120]},
            ],
        }
    )
    assert cost(library, "gpt", Usage(1, 0)) == 2


def test_a_context_window_is_known(library: PriceLibrary) -> None:
    assert library.at(OPENAI).context_window("gpt-5") == 400_000
    assert library.at(OPENAI).context_window("my-own-model") is None
