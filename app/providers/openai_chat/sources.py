"""Convert the sources that an answer names to URL citations of the Responses API. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from app.domain.stream.deltas import Annotated
from app.providers.reading.counts import whole_number
from app.providers.reading.fields import OptionalFields

Json = dict[str, Any]


class Sources:
    """The sources of one answer, for parts of its text and for all of it.

    `waiting` are citations that are not yet in the text: some servers send them before it.
    """

    def __init__(self, reader: OptionalFields) -> None:
        self.waiting: list[Annotated] = []
        self._reader = reader
        self._known: set[tuple[str, str, int, int]] = set()
        self._urls: Iterable[str] = ()
        self._titles: dict[str, str] = {}

    def cite(self, annotations: Iterable[Json]) -> None:
        """Add web citations; those that came before are left out, as are other kinds."""
        for annotation in annotations:
            if annotation.get("type") != "url_citation":
                continue
            cited = annotation.get("url_citation")
            cited = cited if isinstance(cited, dict) else annotation
            url, title = self._reader.string(cited, "url"), self._reader.string(cited, "title")
            start = whole_number(cited.get("start_index")) or 0
            citation = url, title, start, whole_number(cited.get("end_index")) or 0
            # Some streams end with the whole message, and relays repeat what they have so far.
            if url and citation not in self._known:
                self._known.add(citation)
                self.waiting.append(_url_citation(*citation))

    def take(self, place: Json) -> None:
        """Read sources listed beside the message (Perplexity); later lists replace earlier ones."""
        if "search_results" in place:
            for result in self._reader.mappings(place, "search_results"):
                url = self._reader.string(result, "url")
                self._titles[url] = self._reader.string(result, "title")
            self._urls = self._titles  # a live view: later results are included
        if "citations" in place and isinstance(cited := place["citations"], list):
            pages = [{"url": each} if isinstance(each, str) else each for each in cited]
            for page in self._reader.mappings({"citations": pages}, "citations"):
                if title := self._reader.string(page, "title"):
                    self._titles[self._reader.string(page, "url")] = title
            self._urls = [page["url"] for page in pages if _has_url(page)]

    def of_all(self, length: int) -> list[Annotated]:
        """Return citations of all sources for a text of this length."""
        return [
            _url_citation(url, self._titles.get(url, ""), 0, length)
            for url in dict.fromkeys(filter(None, self._urls))
        ]


def _has_url(page: object) -> bool:
    url = page.get("url") if isinstance(page, dict) else None
    return isinstance(url, str) and bool(url)


def _url_citation(url: str, title: str, start: int, end: int) -> Annotated:
    return Annotated(
        {
            "type": "url_citation",
            "url": url,
            "title": title,
            "start_index": start,
            "end_index": end,
        }
    )
