"""The `[models]` of gateway.toml, with a check that what they name exists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path

from app.logs.redaction import model_or_hidden, name_or_hidden
from app.settings import readers
from app.settings.money.prices import read_price
from app.settings.tables import (
    KeyPath,
    as_table,
    bad_key,
    bad_table,
    did_you_mean,
    read_table,
    readable,
)
from app.settings.values import EFFORTS, MODALITIES, ModelSettings, ProviderSettings

_LONGEST_INSTRUCTIONS = 100_000
_READERS: Mapping[str, readers.Reader] = {
    "provider": readers.text,
    "upstream_model": readers.text,
    "reasoning": readers.flag,
    "fallbacks": readers.texts,
    "max_output_tokens": readers.whole(1),
    "context_window": readers.whole(1),
    "input_modalities": readers.some_of(*MODALITIES, must_have="text"),
    "reasoning_efforts": readers.some_of(*EFFORTS),
    "display_name": readers.text,
    "base_instructions_file": readers.text,
    "price": readers.anything,
}


def read_models(
    raw: object, providers: Iterable[ProviderSettings], folder: Path
) -> tuple[ModelSettings, ...]:
    """Return the models in file order; paths are relative to `folder`.

    Raises:
        Fault: one of them is invalid, or names something that does not exist.
    """
    by_name = {provider.name: provider for provider in providers}
    models = {
        model_id: _model(model_id, table, by_name, folder)
        for model_id, table in as_table(raw, ("models",)).items()
    }
    for model in models.values():
        for fallback in model.fallbacks:
            _check_fallback(model, fallback, models, by_name)
    return tuple(models.values())


def _model(
    model_id: str, table: object, providers: Mapping[str, ProviderSettings], folder: Path
) -> ModelSettings:
    path = ("models", model_id)
    values = read_table(table, _READERS, path)
    prefix, slash, _ = model_id.partition("/")
    if slash and prefix in providers:
        values.setdefault("provider", prefix)
    if "provider" not in values:
        raise bad_table(path, "needs a provider")
    provider = values["provider"]
    if provider not in providers:
        reason = f"names {name_or_hidden(provider)}, which is not a provider" + did_you_mean(
            provider, providers
        )
        raise bad_key((*path, "provider"), reason)
    if slash and prefix in providers and prefix != provider:
        raise bad_table(path, f"is never reached: {prefix}/... always means that provider")
    file = values.pop("base_instructions_file", None)
    if file is not None:
        values["base_instructions"] = _text(file, (*path, "base_instructions_file"), folder)
    if "price" in values:
        values["price"] = read_price(values["price"], (*path, "price"))
    return ModelSettings(id=model_id, **values)


def _text(name: str, path: KeyPath, folder: Path) -> str:
    try:
        text = readable(name, path, folder).read_text("utf-8")
    except UnicodeDecodeError:
        raise bad_key(path, "names a file that is not UTF-8") from None
    if not 0 < len(text.strip()) <= _LONGEST_INSTRUCTIONS:
        raise bad_key(
            path, f"names a file that is empty, or has over {_LONGEST_INSTRUCTIONS} characters"
        )
    return text


def _check_fallback(
    model: ModelSettings,
    fallback: str,
    models: Mapping[str, ModelSettings],
    providers: Mapping[str, ProviderSettings],
) -> None:
    path = ("models", model.id, "fallbacks")
    if fallback == model.id:
        raise bad_key(path, "names the model itself")
    prefix, slash, _ = fallback.partition("/")
    served = (
        fallback in models
        or (slash and prefix in providers)
        or any(_may_serve(provider, fallback) for provider in providers.values())
    )
    if not served:
        raise bad_key(path, f"names {model_or_hidden(fallback)}, which no provider serves")


def _may_serve(provider: ProviderSettings, model_id: str) -> bool:
    discovers = provider.discover and provider.api != "local"
    return discovers or any(fnmatchcase(model_id, glob) for glob in provider.models)
