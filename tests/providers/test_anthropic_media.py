"""Images and files in Anthropic's words."""

from __future__ import annotations

import base64
import tracemalloc
from dataclasses import replace
from typing import Any
from unittest.mock import patch
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.items import InputFile, InputImage, InputPart
from app.errors import InvalidRequest
from app.providers.anthropic import media
from app.providers.anthropic.media import blocks
from app.providers.anthropic.request import to_upstream
from app.providers.profiles import PROFILES
from tests.providers.asking import ask, shown

BLIND = replace(PROFILES["generic"], images=False, files=False)
PDF = base64.b64encode(b"%PDF-1.7 ...").decode()
TEXT = base64.b64encode("Grüße".encode()).decode()


def block(part: InputPart) -> dict[str, Any]:
    return blocks((part,))[0]


@pytest.mark.parametrize("kind", ["jpeg", "png", "gif", "webp"])
def test_an_image_as_a_data_url_is_base64(kind: str) -> None:
    assert block(InputImage(f"data:image/{kind};base64,AAAA")) == {
        "type": "image",
        "source": {"type": "base64", "media_type": f"image/{kind}", "data": "AAAA"},
    }


def test_the_scheme_of_a_data_url_may_be_in_capitals() -> None:
    source = {"type": "base64", "media_type": "image/png", "data": "AAAA"}
    assert block(InputImage("DATA:image/PNG;base64,AAAA"))["source"] == source


def test_the_wrong_name_of_jpeg_is_understood() -> None:
    assert block(InputImage("data:image/JPG;base64,A"))["source"]["media_type"] == "image/jpeg"


def test_an_image_by_url_is_a_url() -> None:
    url = "https://example.com/a.png"
    assert block(InputImage(url, detail="high"))["source"] == {"type": "url", "url": url}


def test_an_image_of_a_kind_that_is_not_read_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="JPEG, PNG") as refused:
        block(InputImage("data:image/tiff;base64,AAAA"))
    assert refused.value.param == "input"


@pytest.mark.parametrize("part", [InputImage(file_id="file-1"), InputFile(file_id="file-1")])
def test_a_file_id_is_refused(part: InputPart) -> None:
    with pytest.raises(InvalidRequest, match="file_id"):
        block(part)


@pytest.mark.parametrize(
    "part",
    [
        InputFile(file_data=f"data:application/pdf;base64,{PDF}"),
        InputFile(file_data=f"data:application/pdf;name=a.pdf;base64,{PDF}"),
        InputFile(file_data=PDF),
    ],
)
def test_a_pdf_is_a_document(part: InputFile) -> None:
    source = {"type": "base64", "media_type": "application/pdf", "data": PDF}
    assert block(part) == {"type": "document", "source": source}


def test_a_bare_file_is_what_its_name_says() -> None:
    named = block(InputFile(file_data="AAAA", filename="Report.PDF"))
    assert named["source"]["media_type"] == "application/pdf"
    assert named["title"] == "Report.PDF"


@pytest.mark.parametrize(
    "part",
    [
        InputFile(file_data=f"data:text/plain;charset=utf-8;base64,{TEXT}"),
        InputFile(file_data="data:text/plain,Gr%C3%BC%C3%9Fe"),
        InputFile(file_data="data:,Gr%C3%BC%C3%9Fe"),
        InputFile(file_data=TEXT, filename="a.txt"),
        InputFile(file_data=TEXT, filename="a.md"),
        InputFile(file_data=TEXT, filename="a.rs"),
        InputFile(file_data=TEXT),
        InputFile(file_data=f"data:text/csv;charset=utf-8;base64,{TEXT}"),
        InputFile(file_data=f"data:application/octet-stream;base64,{TEXT}", filename="a.go"),
    ],
)
def test_plain_text_is_told_as_text(part: InputFile) -> None:
    source = {"type": "text", "media_type": "text/plain", "data": "Grüße"}
    assert block(part)["source"] == source


@given(st.lists(st.sampled_from(["%", "4", "1", "G", "%41", "%C3%BC", "%25", "é"])).map("".join))
def test_percent_encoding_is_read_wherever_a_piece_of_it_ends(text: str) -> None:
    wanted = unquote_to_bytes(text).decode(errors="replace")
    with patch.object(media, "_PIECE", 4):
        try:
            found = block(InputFile(file_data=f"data:text/plain,{text}"))["source"]["data"]
        except InvalidRequest:
            found = wanted if "\ufffd" in wanted else None
    assert found == wanted


@pytest.mark.parametrize("text", ["%41" * 100_000, "%" * 300_000, ";" * 900_000])
def test_a_data_url_takes_little_more_than_its_size(text: str) -> None:
    for url in (f"data:text/plain,{text}", f"data:text/plain;{text},A"):
        tracemalloc.start()
        try:
            block(InputFile(file_data=url))
            assert tracemalloc.get_traced_memory()[1] < 8 * len(url) + 2_500_000
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize("content", ["/w==", "A", "\u00e9"])
def test_plain_text_that_is_none_is_refused(content: str) -> None:
    data = f"data:text/plain;base64,{content}"
    with pytest.raises(InvalidRequest, match="UTF-8"):
        block(InputFile(file_data=data))


def test_a_file_by_url_is_a_url() -> None:
    part = InputFile(file_url="https://example.com/a.pdf")
    assert block(part)["source"] == {"type": "url", "url": "https://example.com/a.pdf"}


@pytest.mark.parametrize(
    "part",
    [
        InputFile(file_data="data:text/csv;base64,AAAA"),
        InputFile(file_data="AAAA"),
        InputFile(file_data="UEsDBP8=", filename="a.docx"),
    ],
)
def test_a_file_of_another_kind_is_refused(part: InputFile) -> None:
    with pytest.raises(InvalidRequest, match="PDF and plain text"):
        block(part)


@pytest.mark.parametrize(
    "part", [InputImage("https://x.test/a"), InputFile(file_url="https://x.test")]
)
def test_a_server_that_does_not_read_such_parts_is_not_sent_them(part: InputPart) -> None:
    with pytest.raises(InvalidRequest, match="reads no"):
        to_upstream(ask(shown(part)), BLIND)
