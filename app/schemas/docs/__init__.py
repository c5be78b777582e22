"""The parts of the OpenAPI document that no schema declares: operations, headers, errors."""
