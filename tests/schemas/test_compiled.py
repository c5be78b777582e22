"""The code that is made of declared fields does what a hand would write."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from app.schemas.fields import Boolean, Choice, Integer, Number, String
from app.schemas.invalid import InvalidField
from app.schemas.nesting import ListOf, Nested, OneOf
from app.schemas.wire.document import ALWAYS, AT_TIMES, OR_NULL, ValueSchema


@dataclass(frozen=True)
class Point:
    x: int
    y: int = 0


@dataclass(frozen=True)
class Path:
    points: tuple[Point, ...]
    title: str | None = None
    start: Point | None = None
    hidden: int = 5


@dataclass(frozen=True)
class Place:
    name: str
    point: Point
    more: Mapping[str, Any] = field(default_factory=dict)


class PointSchema(ValueSchema[Point]):
    values = (Point,)

    type = Choice("point", **ALWAYS)
    x = Integer(0, **ALWAYS)
    y = Integer(0, **ALWAYS)


class PathSchema(ValueSchema[Path]):
    values = (Path,)

    type = Choice("path", **ALWAYS)
    points = ListOf(PointSchema(), **ALWAYS)
    title = String(**AT_TIMES)
    start = Nested(PointSchema(), **OR_NULL)


class CoordinatesSchema(ValueSchema[Place]):
    values = (Place,)

    x = Integer(0, attribute="point.x", **ALWAYS)
    y = Integer(0, attribute="point.y", **ALWAYS)


class MoreSchema(ValueSchema[Any]):
    open = Boolean(**ALWAYS)


class PlaceSchema(ValueSchema[Place]):
    values = (Place,)
    spread = ("more", MoreSchema)

    name = String(**ALWAYS)
    at = Nested(CoordinatesSchema(), itself=True, **ALWAYS)
    open = Boolean(**ALWAYS)


POINT, PATH, PLACE = PointSchema(), PathSchema(), PlaceSchema()
SHAPE: OneOf[Point | Path] = OneOf(POINT, PATH)


def test_the_keys_come_in_the_order_in_which_they_are_declared() -> None:
    assert list(POINT.dump(Point(1, 2))) == ["type", "x", "y"]


def test_an_optional_key_is_left_out_where_there_is_no_value() -> None:
    assert "title" not in PATH.dump(Path(()))
    assert PATH.dump(Path((), title=""))["title"] == ""


def test_a_key_that_may_be_null_is_null_where_there_is_no_value() -> None:
    assert PATH.dump(Path(()))["start"] is None


@pytest.mark.parametrize("path", [Path((Point(1),), "t", Point(2, 3)), Path(())])
def test_what_is_written_is_read_again(path: Path) -> None:
    assert PATH.load(PATH.dump(path)) == path
    assert SHAPE.load(SHAPE.dump(path)) == path


def test_one_of_several_is_written_by_its_class_and_read_by_its_type() -> None:
    values: list[Point | Path] = [Point(1), Path(())]
    assert SHAPE.load_all(SHAPE.dump_all(values)) == values


def test_another_type_is_not_read() -> None:
    with pytest.raises(ValueError, match='must be "point" or "path", not "circle"'):
        SHAPE.load({"type": "circle"})


def test_a_value_may_be_shown_inside_itself_and_have_keys_of_its_own() -> None:
    written = PLACE.dump(Place("Rome", Point(1, 2), {"open": True}))
    assert written == {"name": "Rome", "at": {"x": 1, "y": 2}, "open": True}
    assert list(written)[-1] == "open"


def test_what_does_not_show_all_of_a_value_cannot_be_read() -> None:
    with pytest.raises(TypeError, match="PlaceSchema is only written"):
        PLACE.load({"name": "Rome", "at": {"x": 1, "y": 2}, "open": True})


class DefaultsSchema(ValueSchema[Any]):
    zero = Number(-2, 2, dump_default=0, **ALWAYS)
    one = Number(0, 2, dump_default=1, **ALWAYS)


@dataclass
class Given:
    zero: float | None
    one: float | None


def test_a_default_is_written_where_there_is_no_value() -> None:
    assert DefaultsSchema().dump(Given(None, None)) == {"zero": 0, "one": 1}
    assert DefaultsSchema().dump(Given(0.5, 0.0)) == {"zero": 0.5, "one": 0.0}


def test_a_default_of_nought_stands_for_all_that_is_nought() -> None:
    assert repr(DefaultsSchema().dump(Given(0.0, 1))["zero"]) == "0"


def test_a_traceback_shows_the_code_that_was_made() -> None:
    with pytest.raises(AttributeError) as raised:
        POINT.dump(5)  # type: ignore[arg-type] # on purpose
    assert "'x': value.x" in "".join(traceback.format_tb(raised.value.__traceback__))


def test_validation_is_strict_and_names_the_first_fault() -> None:
    assert POINT.validate({"type": "point", "x": 1, "y": 0}) == {}
    assert list(POINT.validate({"type": "point", "x": True, "z": 0})) == ["x"]
    assert list(POINT.validate({"type": "point", "x": 1, "z": 0})) == ["z"]
    with pytest.raises(InvalidField):
        POINT.read({"type": "point", "x": 1}, "", None)  # type: ignore[arg-type] # not used
