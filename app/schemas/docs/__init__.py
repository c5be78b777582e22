"""The parts of the OpenAPI document that no schema can say: operations, headers, errors."""
