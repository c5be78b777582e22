"""The OpenAPI document, and what the endpoint says of itself (E1)."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Iterator
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from app import __version__
from app.domain.request import Parameters
from app.schemas.docs.openapi import document, endpoint_info
from app.schemas.field import ReadContext
from app.schemas.request.create import CREATE_REQUEST, CreateRequestSchema
from app.schemas.wire.answers import EndpointSchema
from app.schemas.wire.event_lines import encode
from app.schemas.wire.events import EVENT
from app.schemas.wire.responses import RESPONSE
from app.stream_check.checker import check_stream
from tests.schemas.examples import EVENTS, RESPONSES

DOCUMENT = document()
COMPONENTS: dict[str, Any] = DOCUMENT["components"]["schemas"]
REGISTRY: Registry[Any] = Registry().with_resource(
    "urn:document", Resource.from_contents(DOCUMENT, default_specification=DRAFT202012)
)


def validator(component: str) -> Draft202012Validator:
    """Return a judge of what the document says of a component."""
    reference = {"$ref": f"urn:document#/components/schemas/{component}"}
    return Draft202012Validator(reference, registry=REGISTRY)


def operations() -> list[tuple[str, dict[str, Any]]]:
    """Return every operation, named by method and path."""
    return [
        (f"{method} {path}", operation)
        for path, methods in DOCUMENT["paths"].items()
        for method, operation in methods.items()
    ]


every_operation = pytest.mark.parametrize(
    "operation", [each for _, each in operations()], ids=[name for name, _ in operations()]
)


def test_the_document_is_valid_openapi() -> None:
    validate(DOCUMENT)


def test_the_document_is_made_the_same_each_time() -> None:
    assert document() == DOCUMENT


def test_the_document_is_json() -> None:
    assert orjson.loads(orjson.dumps(DOCUMENT)) == DOCUMENT


def test_the_document_needs_no_web_framework() -> None:
    needed = "import app.schemas.docs.openapi, sys; print('flask' in sys.modules)"
    assert run(needed) == "False"


def run(code: str) -> str:
    """Return what a fresh interpreter prints."""

    command = [sys.executable, "-c", code]
    ended = subprocess.run(command, capture_output=True, check=True, text=True)  # noqa: S603 - ours
    return ended.stdout.strip()


@every_operation
def test_every_answer_names_its_request(operation: dict[str, Any]) -> None:
    for result in operation["responses"].values():
        name = result.get("$ref", "").rpartition("/")[2]
        answer = DOCUMENT["components"]["responses"][name] if name else result
        assert "X-Request-ID" in answer["headers"]


@every_operation
def test_every_operation_has_a_name_of_its_own_and_a_line_of_words(
    operation: dict[str, Any],
) -> None:
    names = [each["operationId"] for _, each in operations()]
    assert names.count(operation["operationId"]) == 1
    assert operation["summary"].endswith(".")


@every_operation
def test_every_operation_is_in_a_group_and_described_to_its_last_parameter(
    operation: dict[str, Any],
) -> None:
    (tag,) = operation["tags"]
    assert tag in {each["name"] for each in DOCUMENT["tags"]}
    assert operation["description"].endswith(".")
    parts = (*operation.get("parameters", ()), *inline(operation["responses"].values()))
    assert [each for each in parts if not each.get("description")] == []


def inline(parts: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what stands there itself, and is no reference."""
    return [each for each in parts if "$ref" not in each]


def undescribed(schema: Any, path: str) -> Iterator[str]:
    """Yield the path of every property in a schema, however deep, that nobody describes."""
    if isinstance(schema, list):
        for index, each in enumerate(schema):
            yield from undescribed(each, f"{path}[{index}]")
    elif isinstance(schema, dict):
        properties = schema.get("properties")
        for name, each in properties.items() if isinstance(properties, dict) else ():
            if not each.get("description"):
                yield f"{path}.{name}"
        for key, each in schema.items():
            if key != "example":
                yield from undescribed(each, f"{path}.{key}")


def test_every_property_is_described() -> None:
    assert list(undescribed(COMPONENTS, "")) == []


def test_a_property_that_nobody_describes_is_found() -> None:
    described = {"properties": {"a": {"description": "A."}}}
    assert list(undescribed({"anyOf": [described, {"properties": {"b": {}}}]}, "")) == [
        ".anyOf[1].b"
    ]


def test_every_component_is_described() -> None:
    described = {name: each["description"].strip() for name, each in COMPONENTS.items()}
    assert [name for name, words in described.items() if not words.endswith(".")] == []


def test_the_document_says_whose_it_is_and_where_it_is_served() -> None:
    assert DOCUMENT["info"]["version"] == __version__
    assert DOCUMENT["info"]["license"]["identifier"] == "Apache-2.0"
    assert [each["url"] for each in DOCUMENT["servers"]] == ["/"]
    assert set(DOCUMENT["components"]["securitySchemes"]) == {
        name for each in DOCUMENT["security"] for name in each
    }


@every_operation
def test_every_example_of_an_answer_fits_its_schema(operation: dict[str, Any]) -> None:
    for result in inline(operation["responses"].values()):
        content = result["content"].get("application/json", {})
        given = [content["example"]] if "example" in content else []
        given += [each["value"] for each in content.get("examples", {}).values()]
        for example in given:
            Draft202012Validator(here(content["schema"]), registry=REGISTRY).validate(
                orjson.loads(orjson.dumps(example))
            )


def here(schema: Any) -> Any:
    """Return a schema with its references into the document."""
    if isinstance(schema, dict):
        return {
            key: f"urn:document{each}" if key == "$ref" else here(each)
            for key, each in schema.items()
        }
    return [here(each) for each in schema] if isinstance(schema, list) else schema


def test_the_example_of_a_stream_is_a_whole_one() -> None:
    content = DOCUMENT["paths"]["/v1/responses"]["post"]["responses"]["200"]["content"]
    frames = content["text/event-stream"]["example"].encode().splitlines(keepends=True)
    assert check_stream(frames) == 10


@pytest.mark.parametrize("name", DOCUMENT["components"]["responses"])
def test_every_error_has_an_example_in_the_envelope(name: str) -> None:
    result = DOCUMENT["components"]["responses"][name]["content"]["application/json"]
    assert result["examples"]
    for example in result["examples"].values():
        validator("ErrorEnvelope").validate(example["value"])


def test_every_example_of_a_request_is_taken() -> None:
    result = DOCUMENT["paths"]["/v1/responses"]["post"]["requestBody"]["content"]
    for example in result["application/json"]["examples"].values():
        validator("CreateRequest").validate(example["value"])
        CREATE_REQUEST.load(example["value"])


@pytest.mark.parametrize("name", RESPONSES)
def test_a_response_fits_the_document(name: str) -> None:
    data = orjson.loads(orjson.dumps(RESPONSE.dump(RESPONSES[name])))
    validator("Response").validate(data)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)
def test_an_event_fits_the_document(event: Any) -> None:
    validator("StreamEvent").validate(orjson.loads(encode(event)))


def test_the_document_knows_every_event() -> None:
    assert set(COMPONENTS["StreamEvent"]["discriminator"]["mapping"]) == set(EVENT.documents)


def test_the_document_knows_every_parameter() -> None:
    assert set(COMPONENTS["CreateRequest"]["properties"]) == set(CreateRequestSchema().fields)


@pytest.mark.parametrize("form", ["NestedCustomTool", "InputCustomTool"])
def test_a_grammar_may_be_nested_as_chat_does_it(form: str) -> None:
    grammar = {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: /a/"}}
    tool = {"name": "patch", "format": grammar}
    given = {"type": "custom", "custom": tool} if form.startswith("Nested") else tool
    validator(form).validate({"type": "custom"} | given)


@pytest.mark.parametrize("name", ["input", "truncation", "tools", "text", "metadata"])
def test_what_is_optional_may_be_null(name: str) -> None:
    validator("CreateRequest").validate({"model": "m", "input": "", name: None})


def test_what_is_required_may_not_be_null() -> None:
    given = {"model": None, "input": ""}
    assert not validator("CreateRequest").is_valid(given)


@pytest.mark.parametrize("name", ["prompt"])
def test_what_is_refused_may_only_be_null(name: str) -> None:
    result = validator("CreateRequest")
    assert result.is_valid({"model": "m", "input": "", name: None})
    assert not result.is_valid({"model": "m", "input": "", name: "x"})


def test_the_endpoint_says_what_it_is_declared_to_say() -> None:
    EndpointSchema().read(orjson.loads(orjson.dumps(endpoint_info())), "", ReadContext())


def test_the_endpoint_names_its_methods_with_a_line_each() -> None:
    methods = endpoint_info()["methods"]
    assert {"POST", "GET", "GET /{response_id}", "DELETE /{response_id}"} <= methods.keys()


def test_the_endpoint_offers_every_parameter_that_shapes_an_answer() -> None:
    offered = set(endpoint_info()["supported"]["parameters"])
    assert set(Parameters.__dataclass_fields__) <= offered


@pytest.mark.parametrize("name", ["prompt"])
def test_the_endpoint_does_not_offer_what_it_refuses(name: str) -> None:
    assert name not in endpoint_info()["supported"]["parameters"]


def test_the_endpoint_tells_its_limits_from_the_fields() -> None:
    limits = endpoint_info()["limits"]
    assert limits["body_bytes"] == 33_554_432
    assert limits["temperature"] == {"minimum": 0, "maximum": 2}
    assert limits["metadata"]["maxProperties"] == 16
