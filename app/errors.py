"""Every error the gateway raises on purpose, each with its HTTP status and error type.

GatewayError                     500  api_error
├── InvalidRequest               400  invalid_request_error: the request cannot be accepted
│   ├── ContextLengthExceeded    400  the conversation is longer than the model can read
│   ├── ReasoningRefused         400  the upstream rejects reasoning that was sent back to it
│   ├── MethodNotAllowed         405  the path does not have this method
│   ├── RequestTimeout           408  the body did not arrive in time
│   ├── RequestTooLarge          413  the body is larger than the endpoint accepts
│   ├── UnsupportedMediaType     415  the Content-Type is not JSON, or the encoding unknown
│   ├── IdempotencyKeyReused     422  the key was used before with another body
│   └── WebSocketNotOffered      426  the caller asked for a WebSocket where only HTTP is offered
├── Unauthenticated              401  authentication_error: no key, or an invalid one
├── PermissionDenied             403  permission_denied_error: this key may not do that
├── NotFound                     404  not_found_error: not found, for this caller
├── RateLimited                  429  rate_limit_error: a limit is reached
│   └── UpstreamRateLimited      429  a limit of the upstream is reached
├── Unavailable                  503  server_error: we cannot serve this now
│   ├── StorageUnavailable       503  Redis is unreachable, or refuses writes
│   │   └── Unconfirmed          503  Redis has the write, but too few replicas confirmed it
│   ├── Restarting               503  this process is shutting down
│   ├── Overloaded               503  this process is out of memory room or file descriptors
│   ├── UpstreamUnavailable      503  the upstream is unreachable, broken or overloaded
│   └── UpstreamTimeout          503  the upstream did not answer in time
├── UpstreamMisbehaved           500  the upstream refused our credential or broke its protocol
│   ├── UpstreamRefused          500  the upstream refused our credential
│   ├── UpstreamMisaddressed     500  the upstream does not accept such a call
│   ├── AnswerTooLong            500  the upstream's answer exceeds the gateway's limits
│   └── AnswerNotUnderstood      500  the upstream's answer has nothing that we understand
├── StorageRefused               500  Redis refused a command: a fault of ours
├── ResponseCancelled            500  the response was cancelled
└── CallerGone                   499  the caller hung up; for the log only
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar


class GatewayError(Exception):
    """Base class. `status`, `type`, `code` and `param` become the error envelope.

    `retry_after_s` becomes the Retry-After header. `work_done` is true when an upstream may have
    been paid for an answer that was then lost: clients are told not to retry by themselves, as they
    are where `should_retry` is false. `another_key` says that the same provider may succeed at once
    with another of its keys. `lost` is the usage of output that the failure discarded, None without
    output.
    """

    status: ClassVar[int] = 500
    type: ClassVar[str] = "api_error"
    should_retry: ClassVar[bool] = True
    code: str | None = None
    another_key: bool = False

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        retry_after_s: int | None = None,
        work_done: bool = False,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        if code is not None:
            self.code = code
        self.retry_after_s = retry_after_s
        self.work_done = work_done
        self.lost: object | None = None

    @property
    def retry_headers(self) -> dict[str, str]:
        """The headers that say whether to retry, and when: after a second if nobody knows."""
        headers = {}
        will_pass = isinstance(self, Unavailable) or self.code == RateLimited.code
        if will_pass or self.retry_after_s is not None:
            headers["Retry-After"] = str(max(1, self.retry_after_s or 1))
        if self.work_done or not self.should_retry:
            headers["x-should-retry"] = "false"
        return headers


class InvalidRequest(GatewayError):
    """The request cannot be accepted."""

    status = 400
    type = "invalid_request_error"


class ContextLengthExceeded(InvalidRequest):
    """The conversation is longer than the model can read.

    `excess_tokens` is by how much, if the upstream reported it.
    """

    code = "context_length_exceeded"

    def __init__(self, message: str, *, excess_tokens: int | None = None) -> None:
        super().__init__(message, param="input")
        self.excess_tokens = excess_tokens


class ReasoningRefused(InvalidRequest):
    """The upstream rejects its own reasoning when sent back: the call may succeed without it."""

    code = "invalid_encrypted_content"


class MethodNotAllowed(InvalidRequest):
    """The path is known, the method is not."""

    status = 405


class RequestTimeout(InvalidRequest):
    """The body did not arrive in time."""

    status = 408


class RequestTooLarge(InvalidRequest):
    """The body is larger than the endpoint takes."""

    status = 413
    code = "request_too_large"


class UnsupportedMediaType(InvalidRequest):
    """The Content-Type is not JSON, or the body has an encoding that we do not read."""

    status = 415


class IdempotencyKeyReused(InvalidRequest):
    """The Idempotency-Key was used before with another body (C3)."""

    status = 422
    code = "idempotency_key_reused"


class WebSocketNotOffered(InvalidRequest):
    """The caller asked for a WebSocket, but only HTTP is offered (RFC 9110, section 15.5.22)."""

    status = 426
    code = "websocket_not_offered"


class Unauthenticated(GatewayError):
    """No key, or one that is not valid."""

    status = 401
    type = "authentication_error"


class PermissionDenied(GatewayError):
    """This key may not do that."""

    status = 403
    type = "permission_denied_error"


class NotFound(GatewayError):
    """Not found, for this caller."""

    status = 404
    type = "not_found_error"


class RateLimited(GatewayError):
    """A limit is reached."""

    status = 429
    type = "rate_limit_error"
    code = "rate_limit_exceeded"


class UpstreamRateLimited(RateLimited):
    """A limit of the upstream is reached."""


class Unavailable(GatewayError):
    """We cannot serve this now; a later try may succeed."""

    status = 503
    type = "server_error"


class StorageUnavailable(Unavailable):
    """Redis is unreachable."""

    code = "storage_unavailable"


class Unconfirmed(StorageUnavailable):
    """The write was executed, but too few replicas have confirmed it."""


class StorageRefused(GatewayError):
    """Redis refused a command; sending it again would not help."""

    code = "storage_refused"


class Restarting(Unavailable):
    """This process is shutting down and has no time left for an answer."""

    code = "server_error"


#: Error code for what this process cannot do now, for a reason of its own.
OVERLOADED = "overloaded"


class Overloaded(Unavailable):
    """This process is out of memory room or file descriptors; upstreams and Redis may be well."""

    code = OVERLOADED

    def __init__(self, message: str = "The gateway is busy: try again in a moment.") -> None:
        super().__init__(message, retry_after_s=1)


class UpstreamUnavailable(Unavailable):
    """The upstream is unreachable, broken or overloaded."""

    code = "upstream_unavailable"


class UpstreamTimeout(Unavailable):
    """The upstream did not answer in time.

    `sent` is false if it cannot have begun to work on the call; otherwise it may still be working.
    """

    code = "upstream_timeout"

    def __init__(self, message: str, *, sent: bool = True, **more: Any) -> None:
        super().__init__(message, **more)
        self.sent = sent


class UpstreamMisbehaved(GatewayError):
    """The upstream refused our credential or broke its protocol: the operator has to fix it."""

    code = "upstream_error"


class UpstreamRefused(UpstreamMisbehaved):
    """The upstream works but refused our credential: `refusal` is its 401, 402 or 403."""

    def __init__(self, message: str, *, refusal: int = 403, **more: Any) -> None:
        super().__init__(message, **more)
        self.refusal = refusal


class UpstreamMisaddressed(UpstreamMisbehaved):
    """The upstream works but does not accept such a call: its 404, a redirect, a 405 or 406.

    Another kind of call may still succeed.
    """


class AnswerTooLong(UpstreamMisbehaved):
    """The upstream's answer exceeds the gateway's limits (U19): a retry would not help.

    `what` names the part that is too long.
    """

    def __init__(self, what: str) -> None:
        super().__init__(f"the upstream's answer is too long: {what}", work_done=True)


class AnswerNotUnderstood(UpstreamMisbehaved):
    """The upstream works, but its answer contains nothing that the gateway understands (A10)."""


class ResponseCancelled(GatewayError):
    """The response was cancelled; its own caller may still be connected."""

    code = "response_cancelled"


class CallerGone(GatewayError):
    """The caller hung up. The status is nginx's for the same thing and only appears in the log."""

    status = 499
    code = "caller_left"


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception and those that led to it, ten at most: the chain may be circular."""
    for _ in range(10):
        if error is None:
            return
        yield error
        error = error.__cause__ or error.__context__
