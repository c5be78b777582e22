"""The page of errors has every code that the application refuses with, and no other."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache

from app import errors
from tests.processes import ROOT

PAGE = (ROOT / "docs" / "errors.md").read_text("utf-8")
_CODE = re.compile(r"[a-z]+(?:_[a-z]+)+")
_ROW = re.compile(r"^\| ((?:`[a-z_]+`(?:, )?)+) \| ([^|]+) \|", re.MULTILINE)
#: What a faulty field is made by: its code comes first.
_MAKERS = frozenset({"InvalidField", "invalid"})


def test_the_page_has_every_code() -> None:
    assert set(codes_of_the_application()) - set(codes_of_the_page()) == set()


def test_the_page_has_no_other_codes() -> None:
    assert set(codes_of_the_page()) - set(codes_of_the_application()) == set()


def test_the_page_has_the_status_of_each_code() -> None:
    page = codes_of_the_page()
    wrong = {
        code: (page[code], statuses)
        for code, statuses in codes_of_the_application().items()
        if page.get(code, "").isdecimal() and statuses and statuses != {int(page[code])}
    }
    assert wrong == {}


def test_a_code_is_found_however_it_is_given() -> None:
    source = """
class Gone(NotFound):
    status = 410
    code: str | None = "is_gone"
raise NotFound("No.", code="one_way" if a else "another_way")
raise self.invalid("of_a_field", at, "No.")
"""
    assert list(codes(ast.parse(source))) == [
        ("is_gone", None),
        ("one_way", 404),
        ("another_way", 404),
        ("of_a_field", 400),
    ]


def codes_of_the_page() -> dict[str, str]:
    """Return the codes in the first cells of tables, with what stands in the second."""
    return {code: second for cell, second in _ROW.findall(PAGE) for code in cell.split("`")[1::2]}


@cache
def codes_of_the_application() -> dict[str, set[int]]:
    """Return each code that stands in the source, with its statuses as far as they stand there."""
    found: defaultdict[str, set[int]] = defaultdict(set)
    for path in (ROOT / "app").rglob("*.py"):
        if path.is_relative_to(ROOT / "app" / "schemas" / "docs"):
            continue
        for code, status in codes(ast.parse(path.read_text("utf-8"))):
            found[code] |= set() if status is None else {status}
    for error in vars(errors).values():
        if isinstance(error, type) and issubclass(error, errors.GatewayError) and error.code:
            found[error.code].add(error.status)
    return dict(found)


def codes(tree: ast.Module) -> Iterator[tuple[str, int | None]]:
    """Yield the codes of a module with their statuses: of a class, or where one is raised."""
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name(id="code" | "OVERLOADED")], value=value):
                yield from _constants(value, None)
            case ast.AnnAssign(target=ast.Name(id="code"), value=ast.expr() as value):
                yield from _constants(value, None)
            case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name), args=[code, *_]) if (
                name in _MAKERS
            ):
                yield from _constants(code, 400)
            case ast.Call(func=ast.Name(id=name), keywords=keywords):
                error = getattr(errors, name, None)
                status = getattr(error, "status", None)
                for keyword in keywords:
                    if keyword.arg == "code":
                        yield from _constants(keyword.value, status)
            case _:
                pass


def _constants(value: ast.expr, status: int | None) -> Iterator[tuple[str, int | None]]:
    texts = (each.value for each in ast.walk(value) if isinstance(each, ast.Constant))
    yield from ((text, status) for text in texts if isinstance(text, str) and _CODE.fullmatch(text))
