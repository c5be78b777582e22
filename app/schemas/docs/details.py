"""The OpenAPI document's texts: about the API, its tags, and the operations' descriptions."""

from __future__ import annotations

INFO = {
    "summary": "OpenAI's Responses API in front of any model provider.",
    "description": """\
Send `POST /v1/responses` with a model and an input, and get the response in one piece, as a stream
of events, or later. Stored responses can be continued, retrieved, replayed and deleted.

**Keys.** Every path under `/v1` requires an API key of this gateway, sent as
`Authorization: Bearer sk-rg-…`. Keys are created by the gateway's operator.

**Streams.** With `"stream": true` the response is a `text/event-stream`. The `data` of each event
is a JSON object, one of `StreamEvent`; the last `data` is `[DONE]`.

**Errors.** Every error is `{"error": {"message", "type", "param", "code"}}`. `X-Request-ID` is the
request's id in the gateway's log, and `Retry-After` tells when to retry.
""",
    "license": {"name": "Apache License 2.0", "identifier": "Apache-2.0"},
}
SERVERS = [{"url": "/", "description": "The gateway that serves this document."}]
SCHEMES: dict[str, dict[str, str]] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key of this gateway, or a token of an identity provider that it "
        "trusts.",
    },
    "apiKey": {
        "type": "apiKey",
        "in": "header",
        "name": "x-api-key",
        "description": "The same key, as Anthropic's clients send it.",
    },
    "azureApiKey": {
        "type": "apiKey",
        "in": "header",
        "name": "api-key",
        "description": "The same key, as Azure's clients send it.",
    },
}
#: The tags, in display order, each with the prefix of its paths and a description.
GROUPS = (
    ("Responses", "/v1/responses", "Create, retrieve, follow, cancel and delete model responses."),
    (
        "Conversations",
        "/v1/conversations",
        "Item lists that several responses continue and add to.",
    ),
    ("Models", "/v1/models", "The models that a key may use, and what each one supports."),
    ("Usage", "/v1/usage", "Usage of the caller's account."),
    ("Webhooks", "/v1/webhook_", "URLs that are notified when a background response has ended."),
    ("Platform", "/", "Probes, metrics and this document; no API key is required."),
)
#: The description of each operation, besides its summary.
DETAILS = {
    "createResponse": "Returns the complete response. With `stream` it is sent as events while it "
    "is generated; with `background` the call returns at once with status 202, and the "
    "response is generated later. With `store`, which is the default, the response is "
    "stored before the end of it is sent. Parameters that were accepted but have no effect "
    "are listed in `X-Ignored-Parameters`.",
    "describeResponses": "Lists every parameter, item, content part, tool and event that the "
    "gateway supports, and their limits.",
    "retrieveResponse": "With `stream` its events are replayed from the first one, or from the one "
    "after `starting_after`. If the response is still in progress, its further events "
    "follow as they happen.",
    "deleteResponse": "Its content can no longer be retrieved. Responses that continue it are not "
    "affected.",
    "countInputTokens": "No response is generated. Returns the upstream's count if it offers one, "
    "otherwise an estimate, which is marked by `X-Estimated`.",
    "compactConversation": "Returns the user's messages and one `compaction` item that replaces "
    "everything else. Send them as the input of the next response.",
    "cancelResponse": "The call to the upstream is ended; output generated until then is kept.",
    "listInputItems": "Lists every item that the model was sent, including those of earlier "
    "responses. Newest first, unless `order` says otherwise.",
    "createConversation": "Responses that name it as `conversation` see its items and add their "
    "own.",
    "retrieveConversation": "Its items are not included; `listItems` returns them.",
    "updateConversation": "The new metadata replaces the old metadata completely.",
    "deleteConversation": "Its responses can still be retrieved by their ids.",
    "addItems": "Either all of the items are added or none.",
    "listItems": "Newest first, unless `order` says otherwise.",
    "retrieveItem": "Returns one item by its id.",
    "deleteItem": "Later responses do not see it.",
    "listModels": "With `client_version`, which Codex sends, the list is returned in Codex's "
    "format.",
    "retrieveModel": "Returns the model's modalities, its token limits and the parameters that it "
    "honours.",
    "readUsage": "Usage is grouped by what `group_by` names; days are in UTC.",
    "createWebhookEndpoint": "The response contains the secret that signs events. It is shown only "
    "once.",
    "listWebhookEndpoints": "Lists the endpoints of the caller's account, newest first.",
    "retrieveWebhookEndpoint": "The secret is not shown, only a hint to tell it from others.",
    "updateWebhookEndpoint": "Fields that are left out stay unchanged.",
    "deleteWebhookEndpoint": "Nothing more is sent to it; pending retries are dropped.",
    "rotateWebhookSecret": "The old secret can stay active for 24 hours beside the new one.",
    "testWebhookEndpoint": "Returns the status with which the endpoint answered, whatever it is. "
    "If there was no answer, the error says why.",
    "listWebhookEventTypes": "Lists the values that `event_types` of an endpoint may contain.",
    "healthz": "Returns 200 as long as the process can answer at all.",
    "health": "The same as `/healthz`.",
    "readyz": "Depends on Redis and the worker. Upstreams are listed, but never make it fail.",
    "version": "The same as `info.version` of this document.",
    "metrics": "In Prometheus's text format.",
    "openapi": "OpenAPI 3.1. `/docs/api` shows it as a web page.",
}


def group_of(path: str) -> str:
    """Return the tag of a path's operations."""
    return next(name for name, start, _ in GROUPS if path.startswith(start))
