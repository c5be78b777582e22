"""`check-config`: checks whether a gateway.toml can be used, before anything is started with it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from app.cli.common.checked import served_settings
from app.cli.common.group import print_json
from app.providers.registry import build
from app.settings import Settings, SettingsError, config_file, environment


@click.command("check-config")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check(file: Path | None, as_json: bool) -> None:
    """Check FILE, or the gateway.toml of this environment; exit with status 1 if it is invalid.

    No connections are made. Environment variables that it names (api_key_env) are looked up, and
    its commands (api_key_command) are run.
    """
    environ = environment() if file is None else environment(GATEWAY_CONFIG=str(file))
    place = config_file(environ)
    try:
        settings = served_settings(environ)
        for provider in settings.providers:
            build(provider)
    except SettingsError as error:
        if not as_json:
            raise click.ClickException(str(error)) from None
        print_json(_verdict(place, error))
        sys.exit(1)
    if settings.tracing is not None and settings.tracing.fault is not None:
        click.echo(f"There will be no traces: {settings.tracing.fault}.", err=True)
    if as_json:
        print_json(_verdict(place, None) | _summary(settings))
        return
    click.echo(f"{place or 'No gateway.toml: what the environment says'}: ok")
    for what, names in _summary(settings).items():
        click.echo(f"{what}: {', '.join(names) or 'none'}")


def _verdict(place: Path | None, error: SettingsError | None) -> dict[str, Any]:
    """Return the verdict on a file as JSON: `line` and `reason` are null if it is valid."""
    return {
        "ok": error is None,
        "file": str((error.file if error else None) or place or "") or None,
        "line": error.line if error else None,
        "reason": error.reason if error else None,
    }


def _summary(settings: Settings) -> dict[str, list[str]]:
    return {
        "providers": [each.name for each in settings.providers],
        "models": [each.id for each in settings.models],
    }
