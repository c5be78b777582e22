"""`check-stream`: checks whether a stream of events is as the API promises."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import click
import requests
import urllib3

from app.cli.common.refusal import refusal
from app.errors import causes
from app.stream_check.checker import StreamBreach, check_stream

CONNECT_S, SILENCE_S = 10.0, 600.0


@click.command("check-stream")
@click.argument("source", default="-")
@click.option(
    "--key",
    envvar="GATEWAY_API_KEY",
    help="The API key to send to a URL; preferably set GATEWAY_API_KEY instead.",
)
@click.option(
    "--post",
    "body",
    type=click.File("rb"),
    help='POST this JSON file to the URL; it must request a stream ("stream": true).',
)
@click.option(
    "--first-number",
    type=click.IntRange(min=0),
    default=0,
    help="The sequence_number of the first event, for a replay with starting_after.",
)
def check(source: str, key: str | None, body: IO[bytes] | None, first_number: int) -> None:
    """Read a stream from SOURCE (a file, a URL or - for stdin) and report the first violation.

    Checks the framing, the form of each event and the grammar of the sequence. The exit status
    is 1 if there is a violation.
    """
    try:
        with _opened(source, key, body) as lines:
            events = check_stream(lines, first_number=first_number)
    except StreamBreach as breach:
        raise click.ClickException(f"{source}: {breach}") from None
    except requests.HTTPError as refused:
        raise click.ClickException(f"{source}: {refusal(refused.response)}") from None
    except OSError as error:  # requests' own exceptions are of this kind, too
        raise click.ClickException(f"{source} could not be read: {_reason(error)}") from None
    except urllib3.exceptions.HTTPError as error:  # in the middle of the stream
        name = type(error).__name__
        raise click.ClickException(f"{source}: the connection was lost ({name}).") from None
    click.echo(f"{source}: {events} events, all valid.")


def _reason(error: OSError) -> str:
    """Return why something cannot be read, in the words of the system if it has some.

    requests' message repeats the messages of all its causes; the system's error is the last one.
    """
    for each in causes(error):
        if isinstance(each, OSError) and each.strerror:
            return each.strerror
    return type(error).__name__


@contextmanager
def _opened(source: str, key: str | None, body: IO[bytes] | None) -> Iterator[IO[bytes]]:
    if source == "-":
        yield sys.stdin.buffer
    elif source.startswith(("http://", "https://")):
        headers = {"Accept": "text/event-stream", "Content-Type": "application/json"}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        with requests.request(
            "POST" if body else "GET",
            source,
            headers=headers,
            data=body and body.read(),
            stream=True,
            timeout=(CONNECT_S, SILENCE_S),
        ) as answer:
            if not answer.ok:
                _ = answer.content  # read it before it is closed
            answer.raise_for_status()
            answer.raw.auto_close = False  # otherwise it is closed under its reader at the end
            yield io.BufferedReader(answer.raw)
    else:
        with Path(source).open("rb") as file:
            yield file
