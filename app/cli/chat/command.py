"""`chat`: a conversation with a model at the terminal, or one question in a pipe."""

from __future__ import annotations

import readline
import sys
from collections.abc import Iterator
from io import TextIOWrapper
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from app.cli.chat.client import ChatClient, ChatError
from app.cli.common.address import curl_target
from app.cli.common.group import OperatorCommand
from app.settings import DATA, WebSettings, environment

_HELP = (
    "/new begins another conversation, /model ID takes another model, /id names the last answer, "
    "/exit ends."
)


@click.command("chat", cls=OperatorCommand)
@click.argument("model", required=False)
@click.option(
    "--url",
    metavar="URL",
    help="URL of the gateway, such as http://127.0.0.1:8000, with or without /v1. By default the "
    "address in BIND.",
)
@click.option(
    "--key",
    envvar="GATEWAY_API_KEY",
    help="The API key; preferably set GATEWAY_API_KEY instead. By default the key that `up` "
    "created here.",
)
@click.option("--instructions", help="Instructions for the model.")
@click.option("--continue", "last_id", metavar="RESPONSE_ID", help="Continue a stored response.")
def chat(
    model: str | None,
    url: str | None,
    key: str | None,
    instructions: str | None,
    last_id: str | None,
) -> None:
    """Chat with MODEL; if stdin is a pipe, its content is the only question.

    Each turn continues the last one by previous_response_id. Ctrl-C interrupts an answer.
    """
    url = None if url is None else _whole_url(url)
    client = ChatClient(url or _local_url(), key or _first_key(url), last_id)
    talk = _Talk(client, model or _only_model(client), instructions)
    if is_terminal():
        talk.at_terminal()
    else:
        talk.once(_question())


def is_terminal() -> bool:
    """Tell whether somebody types at a terminal."""
    return sys.stdin.isatty()


def writes_to_terminal() -> bool:
    """Tell whether stdout is a terminal, as it may be although stdin is a pipe."""
    return sys.stdout.isatty()


def _question() -> str:
    """Return the question on stdin, decoded as UTF-8 whatever the locale.

    Raises:
        click.ClickException: it is not UTF-8.
    """
    if isinstance(sys.stdin, TextIOWrapper):
        sys.stdin.reconfigure(encoding="utf-8", errors="strict")
    try:
        return sys.stdin.read()
    except UnicodeDecodeError:
        raise click.ClickException("stdin is not UTF-8: convert it, with iconv say.") from None


class _Talk:
    def __init__(self, client: ChatClient, model: str, instructions: str | None) -> None:
        self._client = client
        self._model = model
        self._instructions = instructions

    def once(self, question: str) -> None:
        """Ask one question; only the answer goes to stdout."""
        try:
            for text in self._texts(question):
                click.echo(_harmless(text) if writes_to_terminal() else text, nl=False)
        except ChatError as error:
            raise click.ClickException(str(error)) from None
        click.echo()

    def at_terminal(self) -> None:
        """Answer what is typed until /exit or Ctrl-D."""
        readline.set_history_length(1000)
        click.secho(f"{self._model}. {_HELP}", dim=True, err=True)
        while True:
            try:
                line = input("> ").strip()
            except (EOFError, KeyboardInterrupt):
                click.echo()
                return
            if line == "/exit":
                return
            if line.startswith("/"):
                self._obey(line)
            elif line:
                self._answer(line)

    def _obey(self, line: str) -> None:
        word, _, rest = line.partition(" ")
        if word == "/new":
            self._client.last_id = None
        elif word == "/model" and rest:
            self._model = rest.strip()
        elif word == "/id":
            click.echo(self._client.last_id or "There is no answer yet.")
        else:
            click.echo(_HELP, err=True)

    def _answer(self, line: str) -> None:
        try:
            for text in self._texts(line):
                click.echo(_harmless(text), nl=False)
        except ChatError as error:
            click.secho(f"\n{error}", fg="red", err=True)
        except KeyboardInterrupt:
            click.secho("\nInterrupted; the next turn goes on from here.", dim=True, err=True)
        click.echo("\n")

    def _texts(self, question: str) -> Iterator[str]:
        """Yield the answer's text; the summary of its reasoning goes to stderr, dimmed.

        Raises:
            ChatError: as ChatClient.turn does.
        """
        body: dict[str, Any] = {"model": self._model, "input": question}
        if self._instructions is not None:
            body["instructions"] = self._instructions
        reasoned = False
        for piece in self._client.turn(body):
            if piece.is_reasoning:
                click.secho(_harmless(piece.text), dim=True, nl=False, err=True)
            else:
                if reasoned:
                    click.echo(err=True)
                yield piece.text
            reasoned = piece.is_reasoning


def _harmless(text: str) -> str:
    """Return a model's text without what could control a terminal."""
    return text if text.isprintable() else "".join(filter(_is_harmless, text))


def _is_harmless(character: str) -> bool:
    return character.isprintable() or character in "\n\t"


def _whole_url(url: str) -> str:
    """Return a URL with its scheme, and with /v1 if it has a host but no path."""
    whole = (url if "://" in url else f"http://{url}").rstrip("/")
    return whole if urlsplit(whole).path else f"{whole}/v1"


def _local_url() -> str:
    bind = environment().get("BIND", "").strip() or WebSettings().bind
    if bind.startswith("unix:"):
        raise click.UsageError(
            "The gateway of BIND has no port: name one by --url http://HOST:PORT/v1."
        )
    return curl_target(bind, "/v1")


def _first_key(url: str | None) -> str | None:
    """Return the key that `up` made here, but only for a gateway on this machine."""
    file = Path(DATA, "first-key")
    is_here = url is None or urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")
    return file.read_text("utf-8").strip() if is_here and file.is_file() else None


def _only_model(client: ChatClient) -> str:
    """Return the model if there is only one.

    Raises:
        click.ClickException: there are several, or the gateway cannot be reached.
    """
    try:
        models = client.models()
    except ChatError as error:
        raise click.ClickException(str(error)) from None
    if len(models) != 1:
        raise click.UsageError(
            f"Name a MODEL. There are: {', '.join(models[:20]) or 'patterns only'}"
        )
    return models[0]
