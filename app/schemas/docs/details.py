"""The OpenAPI document's texts: about the API, its tags, and the operations' descriptions."""

from __future__ import annotations

INFO = {
    "summary": "OpenAI's Responses API, in front of any model provider.",
    "description": """\
Send `POST /v1/responses` with a model and an input; read the answer whole, as events while it is
made, or later. What is stored can be continued, retrieved, replayed and deleted.

**Keys.** Every path under `/v1` needs a key of this gateway: `Authorization: Bearer sk-rg-…`. The
gateway's operator makes them.

**Streams.** With `"stream": true` the answer is `text/event-stream`: each event's `data` is a JSON
object, one of `StreamEvent`, and the last one's is `[DONE]`.

**Errors.** Every error is `{"error": {"message", "type", "param", "code"}}`; `X-Request-ID` names
the request in the gateway's log. `Retry-After` says when another try makes sense.
""",
    "license": {"name": "Apache License 2.0", "identifier": "Apache-2.0"},
}
SERVERS = [{"url": "/", "description": "The gateway that serves this document."}]
SCHEMES: dict[str, dict[str, str]] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "A key of this gateway, or a token of an identity provider that it trusts.",
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
    ("Responses", "/v1/responses", "Answers of models: made, retrieved, followed, deleted."),
    ("Conversations", "/v1/conversations", "Items that many responses go on with and add to."),
    ("Models", "/v1/models", "The models that a key may use, and what can be asked of each."),
    ("Usage", "/v1/usage", "What the caller's account has used."),
    ("Webhooks", "/v1/webhook_", "URLs that are told when a background response has ended."),
    ("Platform", "/", "Probes, metrics and this document; no key is asked for."),
)
#: The description of each operation, besides its summary.
DETAILS = {
    "createResponse": "The answer comes whole, or with `stream` as events, or with `background` "
    "later: then this call is answered at once with status 202. With `store`, which is the "
    "default, it is kept before its end is sent. What was sent and could not be acted on is named "
    "in `X-Ignored-Parameters`.",
    "describeResponses": "Lists every parameter, item, content part, tool and event that is known "
    "here, and the bounds of each.",
    "retrieveResponse": "With `stream` its events are sent again from the first, or from behind "
    "`starting_after`, and what comes of a response that is still being made follows.",
    "deleteResponse": "Its content is gone from then on; responses that continue it go on as "
    "before.",
    "countInputTokens": "No model is called to answer. Where the upstream counts, its count is "
    "returned, else an estimate, which `X-Estimated` names.",
    "compactConversation": "Returns the user's messages and one `compaction` item, which stands "
    "for all the rest. Send them as the input of the next response.",
    "cancelResponse": "The upstream's call is ended; what was made until then stays.",
    "listInputItems": "Every item that the model was sent, those of responses before included; "
    "newest first, unless `order` says otherwise.",
    "createConversation": "Responses with its id as `conversation` see its items, and add theirs.",
    "retrieveConversation": "Its items are listed by `listItems`.",
    "updateConversation": "The new metadata takes the place of the old as a whole.",
    "deleteConversation": "What was answered in it can still be retrieved by its own id.",
    "addItems": "All of the items are added, or none.",
    "listItems": "Newest first, unless `order` says otherwise.",
    "retrieveItem": "One item, by its id.",
    "deleteItem": "Responses from then on do not see it.",
    "listModels": "With `client_version`, which Codex sends, the list has the form that Codex "
    "reads.",
    "retrieveModel": "What the model reads, how much of it, and which parameters are honoured.",
    "readUsage": "Counted by day and by what `group_by` names; days are in UTC.",
    "createWebhookEndpoint": "The answer has the secret that signs events; it is shown this once.",
    "listWebhookEndpoints": "Those of the caller's account, newest first.",
    "retrieveWebhookEndpoint": "Its secret is not shown, only enough of it to tell it from others.",
    "updateWebhookEndpoint": "What is left out stays as it is.",
    "deleteWebhookEndpoint": "Nothing is sent to it any more, not even what was to be tried again.",
    "rotateWebhookSecret": "The old secret can go on signing for 24 hours, beside the new one.",
    "testWebhookEndpoint": "Answers once the endpoint has: an error says what it answered instead.",
    "listWebhookEventTypes": "What `event_types` of an endpoint may hold.",
    "healthz": "200 for as long as the process answers at all.",
    "health": "The same as `/healthz`.",
    "readyz": "Redis and the worker decide; upstreams are listed and never make it fail.",
    "version": "The same as `info.version` of this document.",
    "metrics": "In Prometheus' text format.",
    "openapi": "OpenAPI 3.1. `/docs/api` shows it to people.",
}


def group_of(path: str) -> str:
    """Return the tag of a path's operations."""
    return next(name for name, start, _ in GROUPS if path.startswith(start))
