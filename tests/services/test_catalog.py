"""Which upstream model an id means, and which ids a key is shown."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from app.domain.accounts.accounts import Caller
from app.domain.models import NOTHING_KNOWN, ModelCard, ModelFacts, is_deep_research
from app.domain.prices import configured
from app.errors import InvalidRequest, NotFound, PermissionDenied
from app.providers.profiles import sampling_efforts
from app.services.upstreams.catalog import ModelCatalog, Target
from app.services.upstreams.discovery import Discovery
from app.settings import ModelSettings, PriceSettings, ProviderSettings
from tests.services.scripted import Clock, ScriptedProvider

ANYONE = Caller(account="acme", key_id="key_1")

PROVIDERS = (
    ProviderSettings(name="openai", api="responses", models=("gpt-*", "o[0-9]*", "special")),
    ProviderSettings(name="anthropic", api="anthropic_messages", models=("claude-*", "gpt-oss")),
    ProviderSettings(name="router", api="chat_completions", models=("meta-llama/*",)),
    ProviderSettings(name="ollama", api="chat_completions", discover=True),
    ProviderSettings(name="local", api="local"),
)


PRICED = {("openai", "known"): 1000, ("openai", "special"): 2000}


def price(usd: int) -> PriceSettings:
    return PriceSettings(input=Decimal(usd), output=Decimal(usd))


PUBLISHED, OWN = configured(price(1)), price(2)


class Server(ScriptedProvider):
    """A provider that tells what it serves."""

    def __init__(self, name: str, *served: str) -> None:
        super().__init__(name)
        self.served = served

    def models(self) -> tuple[str, ...]:
        return self.served


def catalog(*models: ModelSettings, facts: ModelFacts = NOTHING_KNOWN) -> ModelCatalog:
    providers = {each.name: ScriptedProvider(each.name) for each in PROVIDERS}
    providers["openai"].facts["known"] = facts
    ollama = Server("ollama", "llama3", "gpt-like", "team/model")
    local = Server("local", "echo")
    return ModelCatalog(
        PROVIDERS,
        models,
        {**providers, "ollama": ollama, "local": local},
        Discovery([ollama, local], Clock(), lambda task: task()),
        sampling_efforts,
        context_window_of=lambda provider, model: PRICED.get((provider, model)),
        tariff_of=lambda provider, model: (
            PUBLISHED if (provider, model) == ("openai", "gpt-5") else None
        ),
    )


def places(targets: tuple[Target, ...]) -> list[str]:
    return [f"{target.provider.name}:{target.upstream_model}" for target in targets]


def where(model_id: str, *models: ModelSettings) -> str:
    return places(catalog(*models).resolve(model_id, ANYONE))[0]


def test_a_prefix_always_reaches_its_provider() -> None:
    assert where("anthropic/gpt-5") == "anthropic:gpt-5"


def test_a_prefixed_id_may_hold_more_slashes() -> None:
    assert where("router/meta-llama/llama-3") == "router:meta-llama/llama-3"


def test_a_slash_without_a_provider_is_part_of_a_bare_id() -> None:
    assert where("meta-llama/llama-3") == "router:meta-llama/llama-3"


def test_a_bare_id_is_first_looked_up_among_the_configured_models() -> None:
    configured = ModelSettings(id="gpt-5", provider="router", upstream_model="openai/gpt-5")
    assert where("gpt-5", configured) == "router:openai/gpt-5"


def test_a_configured_model_without_an_upstream_name_keeps_its_own() -> None:
    assert where("fast", ModelSettings(id="fast", provider="router")) == "router:fast"


def test_a_configured_model_may_be_named_with_its_providers_prefix() -> None:
    configured = ModelSettings(id="openai/gpt-5", provider="openai")
    assert where("openai/gpt-5", configured) == "openai:gpt-5"


def test_then_among_what_providers_serve_in_file_order() -> None:
    assert where("gpt-oss") == "openai:gpt-oss"


def test_then_among_what_servers_told() -> None:
    assert where("llama3") == "ollama:llama3"


def test_what_a_server_told_does_not_shadow_the_configuration() -> None:
    assert where("gpt-like") == "openai:gpt-like"


@pytest.mark.parametrize("model_id", ["nothing", "nobody/gpt-5", "openai/", "/gpt-5", ""])
def test_an_id_that_nobody_serves_is_not_found(model_id: str) -> None:
    with pytest.raises(NotFound, match=f"'{model_id}'") as refusal:
        catalog().resolve(model_id, ANYONE)
    assert (refusal.value.code, refusal.value.param) == ("model_not_found", "model")


def test_globs_mind_the_case() -> None:
    with pytest.raises(NotFound):
        catalog().resolve("GPT-5", ANYONE)


def test_a_reasoning_model_is_known_by_its_upstream_name() -> None:
    assert catalog().resolve("openai/o3", ANYONE)[0].samples_at == frozenset()


@pytest.mark.parametrize("reasoning", [True, False])
def test_the_configuration_has_the_last_word_on_reasoning(reasoning: bool) -> None:
    model = ModelSettings(id="m", provider="openai", upstream_model="o3-x", reasoning=reasoning)
    samples_at = catalog(model).resolve("m", ANYONE)[0].samples_at
    assert samples_at == (frozenset() if reasoning else None)


def test_what_is_configured_for_a_model_holds_by_its_prefixed_name_too() -> None:
    model = ModelSettings(id="special", provider="openai", reasoning=True, max_output_tokens=7)
    target = catalog(model).resolve("openai/special", ANYONE)[0]
    assert (target.samples_at, target.max_output_tokens) == (frozenset(), 7)


@pytest.mark.parametrize(("name", "bound"), [("short", 1), ("long", 9)])
def test_of_two_configured_names_of_one_model_the_one_asked_for_counts(
    name: str, bound: int
) -> None:
    short = ModelSettings(id="short", provider="openai", upstream_model="g", max_output_tokens=1)
    long = ModelSettings(id="long", provider="openai", upstream_model="g", max_output_tokens=9)
    assert catalog(short, long).resolve(name, ANYONE)[0].max_output_tokens == bound


MAIN = ModelSettings(id="main", provider="openai", fallbacks=("anthropic/claude-x", "spare"))
SPARE = ModelSettings(id="spare", provider="router", fallbacks=("llama3", "main"))


def test_fallbacks_come_in_order_and_theirs_last() -> None:
    assert places(catalog(MAIN, SPARE).resolve("main", ANYONE)) == [
        "openai:main",
        "anthropic:claude-x",
        "router:spare",
        "ollama:llama3",
    ]


def test_a_fallback_carries_its_own_id() -> None:
    assert [target.id for target in catalog(MAIN).resolve("main", ANYONE)] == [
        "main",
        "anthropic/claude-x",
    ]


def test_a_prefixed_id_is_pinned_and_has_no_fallbacks() -> None:
    assert places(catalog(MAIN, SPARE).resolve("openai/main", ANYONE)) == ["openai:main"]


def test_two_names_of_one_place_are_asked_once() -> None:
    twice = replace(MAIN, fallbacks=("openai/main", "anthropic/c", "anthropic/c"))
    assert places(catalog(twice).resolve("main", ANYONE)) == ["openai:main", "anthropic:c"]


def test_fallbacks_that_the_key_may_not_use_are_skipped() -> None:
    caller = replace(ANYONE, models=("main", "spare"))
    assert places(catalog(MAIN, SPARE).resolve("main", caller)) == ["openai:main", "router:spare"]


def test_fallbacks_that_nobody_serves_are_skipped() -> None:
    gone = replace(MAIN, fallbacks=("gone", "llama3"))
    assert places(catalog(gone).resolve("main", ANYONE)) == ["openai:main", "ollama:llama3"]


@pytest.mark.parametrize("model_id", ["gpt-5", "nothing"])
def test_a_model_that_the_key_may_not_use_is_refused_whether_it_exists_or_not(
    model_id: str,
) -> None:
    caller = replace(ANYONE, models=("claude-*", "openai/*"))
    with pytest.raises(PermissionDenied, match=model_id) as refusal:
        catalog().resolve(model_id, caller)
    assert (refusal.value.code, refusal.value.param) == ("model_not_allowed", "model")


def test_a_keys_globs_are_held_to_the_id_asked_for() -> None:
    caller = replace(ANYONE, models=("openai/*",))
    assert places(catalog().resolve("openai/gpt-5", caller)) == ["openai:gpt-5"]


DEEP = ["o3-deep-research", "openai/o4-mini-deep-research-2025-06-26", "router/a/O3-Deep-Research"]


@pytest.mark.parametrize("model_id", DEEP)
def test_deep_research_is_refused_whatever_its_prefix(model_id: str) -> None:
    with pytest.raises(InvalidRequest, match="deep-research") as refusal:
        catalog().resolve(model_id, replace(ANYONE, models=("gpt-*",)))
    assert refusal.value.param == "model"


@pytest.mark.parametrize("model_id", ["o3", "o3-pro", "my-deep-research", "o3-deep-research/x"])
def test_other_models_are_no_deep_research(model_id: str) -> None:
    assert not is_deep_research(model_id)


ALIAS = ModelSettings(id="study", provider="openai", upstream_model="o3-deep-research")


def test_deep_research_is_refused_under_another_name() -> None:
    with pytest.raises(InvalidRequest, match="'study'"):
        catalog(ALIAS).resolve("study", ANYONE)


def test_deep_research_is_no_fallback() -> None:
    model = replace(MAIN, fallbacks=("study", "o3-deep-research", "spare"))
    assert places(catalog(model, ALIAS, SPARE).resolve("main", ANYONE))[:2] == [
        "openai:main",
        "router:spare",
    ]


def test_the_list_has_configured_served_and_told_models_each_once() -> None:
    configured = ModelSettings(id="gpt-oss", provider="router")
    deep = ModelSettings(id="o3-deep-research", provider="openai", upstream_model="o3")
    assert tuple(catalog(MAIN, configured, ALIAS, deep).cards(ANYONE)) == (
        ModelCard("main", "openai"),
        ModelCard("gpt-oss", "router"),
        ModelCard("special", "openai", ModelFacts(context_window=2000)),
        ModelCard("ollama/llama3", "ollama"),
        ModelCard("ollama/gpt-like", "ollama"),
        ModelCard("ollama/team/model", "ollama"),
        ModelCard("local/echo", "local"),
    )


def test_every_listed_model_can_be_asked_for_at_the_provider_that_owns_it() -> None:
    models = catalog(MAIN, SPARE)
    for card in models.cards(ANYONE):
        assert models.resolve(card.id, ANYONE)[0].provider.name == card.owned_by


def test_the_list_shows_what_the_key_may_use() -> None:
    caller = replace(ANYONE, models=("ollama/*", "main"))
    assert [card.id for card in catalog(MAIN).cards(caller)] == [
        "main",
        "ollama/llama3",
        "ollama/gpt-like",
        "ollama/team/model",
    ]


@pytest.mark.parametrize(
    ("model_id", "owner"),
    [("main", "openai"), ("gpt-5", "openai"), ("anthropic/anything", "anthropic"),
     ("llama3", "ollama"), ("local/echo", "local")],
)  # fmt: skip
def test_a_model_that_can_be_asked_for_can_be_looked_up(model_id: str, owner: str) -> None:
    assert catalog(MAIN).card(model_id, ANYONE) == ModelCard(model_id, owner)


def test_what_is_configured_goes_before_what_a_server_says_and_that_before_a_price_list() -> None:
    said = ModelFacts(context_window=5, max_output_tokens=6, created_at=7)
    settings = ModelSettings(
        id="mine",
        provider="openai",
        upstream_model="known",
        max_output_tokens=8,
        display_name="Mine",
        base_instructions="Be careful.",
    )
    card = catalog(settings, facts=said).card("mine", ANYONE)
    assert card.facts == replace(said, max_output_tokens=8, display_name="Mine")
    assert card.instructions == "Be careful."
    unsaid = catalog(settings).card("mine", ANYONE)
    assert unsaid.facts.context_window == PRICED["openai", "known"]
    told = replace(settings, context_window=9)
    assert catalog(told, facts=said).card("mine", ANYONE).facts.context_window == 9


def test_what_is_configured_of_a_model_holds_for_it_under_its_providers_name_too() -> None:
    settings = ModelSettings(id="mine", provider="openai", upstream_model="known", context_window=9)
    assert catalog(settings).card("openai/known", ANYONE).facts.context_window == 9


@pytest.mark.parametrize("model_id", ["nothing", "local/other", "o3-deep-research", "study"])
def test_a_model_that_cannot_be_asked_for_is_not_found(model_id: str) -> None:
    with pytest.raises(NotFound, match=model_id):
        catalog(ALIAS).card(model_id, ANYONE)


def test_a_configured_model_is_there_even_if_its_server_did_not_tell_of_it() -> None:
    model = ModelSettings(id="mine", provider="ollama", upstream_model="llama3:8b")
    assert catalog(model).card("mine", ANYONE) == ModelCard("mine", "ollama")


def test_a_model_that_the_key_may_not_use_is_not_found() -> None:
    with pytest.raises(NotFound):
        catalog().card("gpt-5", replace(ANYONE, models=("claude-*",)))


def test_what_servers_tell_is_asked_anew_for_every_request() -> None:
    clock, server = Clock(), Server("ollama", "llama3")
    models = ModelCatalog(
        PROVIDERS,
        [ModelSettings(id="fast", provider="router", fallbacks=("llama4",))],
        {each.name: server for each in PROVIDERS},
        Discovery([server], clock, lambda task: task()),
        lambda *_: None,
    )
    assert len(models.resolve("fast", ANYONE)) == 1
    server.served = ("llama4",)
    clock.now += 61
    assert len(models.resolve("fast", ANYONE)) == 2
    with pytest.raises(NotFound):
        models.resolve("llama3", ANYONE)


class CountedId(str):
    """An id that counts how often one is compared."""

    __slots__ = ()
    __hash__ = str.__hash__
    compared = 0

    def __eq__(self, other: object) -> bool:
        CountedId.compared += 1
        return str.__eq__(self, other)


def test_describing_a_long_list_does_not_search_it_for_each_model() -> None:
    ids = [CountedId(f"m{number}") for number in range(1000)]
    server = Server("ollama", *ids)
    models = ModelCatalog(
        PROVIDERS,
        [],
        {each.name: server for each in PROVIDERS},
        Discovery([server], Clock(), lambda task: task()),
        lambda *_: None,
    )
    assert sum(card.id.startswith("ollama/") for card in models.cards(ANYONE)) == len(ids)
    assert CountedId.compared < 10 * len(ids)


def test_what_one_key_may_use_is_not_lent_to_another() -> None:
    models = catalog(ModelSettings(id="fast", provider="router", fallbacks=("openai/gpt-5",)))
    assert len(models.resolve("fast", ANYONE)) == 2
    assert len(models.resolve("fast", replace(ANYONE, models=("fast",)))) == 1
    with pytest.raises(PermissionDenied):
        models.resolve("fast", replace(ANYONE, models=("slow",)))


def test_no_more_ids_are_remembered_than_there_is_room_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.services.upstreams.catalog.MAX_CACHED", 2)
    models = catalog()
    for number in range(5):
        assert places(models.resolve(f"openai/{number}", ANYONE)) == [f"openai:{number}"]


@pytest.mark.parametrize("model_id", ["gpt-5", "openai/gpt-5"])
def test_a_model_costs_what_its_vendor_publishes(model_id: str) -> None:
    assert catalog().resolve(model_id, ANYONE)[0].tariff == PUBLISHED


@pytest.mark.parametrize("model_id", ["gpt-5", "openai/gpt-5", "best"])
def test_what_is_configured_of_a_model_s_price_comes_first_under_all_its_ids(model_id: str) -> None:
    models = (
        ModelSettings(id="openai/gpt-5", provider="openai", price=OWN),
        ModelSettings(id="best", provider="openai", upstream_model="gpt-5"),
    )
    assert catalog(*models).resolve(model_id, ANYONE)[0].tariff == configured(OWN)


def test_an_id_of_a_model_may_have_a_price_of_its_own() -> None:
    models = (
        ModelSettings(id="best", provider="openai", upstream_model="gpt-5", price=price(9)),
        ModelSettings(id="openai/gpt-5", provider="openai", price=OWN),
    )
    assert catalog(*models).resolve("best", ANYONE)[0].tariff == configured(price(9))


def test_a_fallback_has_its_own_price() -> None:
    models = (
        ModelSettings(id="best", provider="router", fallbacks=("gpt-5",)),
        ModelSettings(id="router/other", provider="router", price=OWN),
    )
    assert [each.tariff for each in catalog(*models).resolve("best", ANYONE)] == [None, PUBLISHED]


@pytest.mark.parametrize(
    ("asked", "near"),
    [
        ("llama4", ("ollama/llama3",)),
        ("eco", ("local/echo",)),
        ("LLAMA3", ("ollama/llama3",)),
        ("mane", ("main",)),
        ("nothing-like-it", ()),
        ("x" * 200, ()),
    ],
)
def test_a_wrong_id_is_answered_with_those_it_comes_near_to(
    asked: str, near: tuple[str, ...]
) -> None:
    with pytest.raises(NotFound) as caught:
        catalog(MAIN).resolve(asked, ANYONE)
    meant = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
    assert caught.value.message.endswith(
        f"no provider here serves it.{meant} GET /v1/models lists the models that this key may use."
    )


def test_no_id_is_suggested_that_the_key_may_not_use() -> None:
    with pytest.raises(NotFound) as caught:
        catalog(MAIN).resolve("llama4", replace(ANYONE, models=("llama4", "main")))
    assert "llama3" not in caught.value.message
