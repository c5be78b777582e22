"""Flask without what nothing here uses: sessions, signals, async views, host names, url_for.

MEASURED: with them, with Werkzeug's Request and Response and read through Flask's proxies
(current), a small request makes a third more calls. Only what Flask and Werkzeug offer for
overriding is overridden.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from functools import cached_property
from typing import TYPE_CHECKING, Any

from flask import Flask, Request, g
from flask import request as asked
from flask.ctx import RequestContext
from flask.sessions import NullSession
from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.routing import MapAdapter, Rule

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_asked: Any = asked
_g: Any = g
_request: Callable[[], Request] = _asked._get_current_object
_request_context: ContextVar[Any] = _asked.__wrapped__
_app_context: ContextVar[Any] = _g.__wrapped__
_API = "/v1/"
_NO_SESSION = NullSession()
_LINE_BREAK = re.compile(r"[\r\n]")
_STATUS_LINES = {code: f"{code} {name.upper()}" for code, name in HTTP_STATUS_CODES.items()}


def _without_slash(path: str) -> str:
    """Return a path of the API's without the one slash that may stand at its end (E11).

    Only there: a proxy has rules for other paths, and a second spelling would get around them.
    """
    ends = path.startswith(_API) and path.endswith("/") and not path.endswith("//")
    return path[:-1] if ends else path


class Told:
    """The pieces of a stream, and what has to be done when it is over, however it ends."""

    __slots__ = ("_pieces", "close")

    def __init__(self, pieces: Iterable[bytes], close: Callable[[], None]) -> None:
        self._pieces = pieces
        self.close = close

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._pieces)


class Answer:
    """What handlers return: a body, whole or in pieces, and every header that it needs.

    It is a WSGI application, as Flask lets handlers return them. Its status allows a body.

    Raises:
        ValueError: a header would break out of its line.
    """

    __slots__ = ("body", "headers", "over", "status")

    def __init__(
        self,
        body: bytes | Iterable[bytes],
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        *,
        content_type: str,
    ) -> None:
        self.body = body
        self.status = status
        self.headers = {} if headers is None else dict(headers)
        if _LINE_BREAK.search("".join(self.headers.values())):
            raise ValueError("A header's value must be one line.")
        self.headers["Content-Type"] = content_type
        if isinstance(body, bytes):
            self.headers["Content-Length"] = str(len(body))
        #: What is to be done when a stream is over.
        self.over: Callable[[], None] | None = None

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Send it."""
        status = _STATUS_LINES.get(self.status) or f"{self.status} UNKNOWN"
        start_response(status, list(self.headers.items()))
        body = self.body
        if environ["REQUEST_METHOD"] == "HEAD":
            return Told((), self.close)
        return (body,) if isinstance(body, bytes) else Told(body, self.close)

    def close(self) -> None:
        """End the stream."""
        try:
            end = getattr(self.body, "close", None)
            if end is not None:
                end()
        finally:
            if self.over is not None:
                self.over()


class LeanRequest(Request):
    """A request made of its method and path; Werkzeug reads the rest when it is asked for."""

    def __init__(self, environ: WSGIEnvironment) -> None:
        self.environ = environ
        self.method = environ["REQUEST_METHOD"].upper()
        path: str = environ["PATH_INFO"]
        self.path = "/" + path.encode("latin-1").decode(errors="replace").lstrip("/")

    def __getattr__(self, name: str) -> Any:
        if "headers" in self.__dict__ or "environ" not in self.__dict__:
            raise AttributeError(name)
        # Not put into the environ, which it holds: a circle would be the garbage collector's.
        super().__init__(self.environ, populate_request=False)
        return getattr(self, name)


class LeanContext(RequestContext):
    """What all of Flask's proxies look at while a request is handled: `g` and `current_app` too."""

    g: Any


class LeanFlask(Flask):
    """Flask for handlers that return an Answer.

    Blueprints may have hooks before a request, the app before and after; none is async. No
    blueprint is within another.
    """

    request_class = LeanRequest

    def __init__(self, import_name: str) -> None:
        super().__init__(import_name, static_folder=None)

    def wsgi_app(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request.

        MEASURED: the two contexts that Flask pushes, and tells of, are 14 calls more.
        """
        if "werkzeug.debug.preserve_context" in environ:  # by a test client: it goes on with them
            return super().wsgi_app(environ, start_response)
        context = LeanContext(self, environ, session=_NO_SESSION)
        context.g = self.app_ctx_globals_class()
        app_before, request_before = _app_context.set(context), _request_context.set(context)
        try:
            try:
                if context.url_adapter is not None:
                    context.match_request()
                answer = self.full_dispatch_request()
            except Exception as error:  # noqa: BLE001 - what even their handlers failed at
                answer = self.handle_exception(error)
            told: Iterable[bytes] = answer(environ, start_response)
            return told
        finally:
            _request_context.reset(request_before)
            _app_context.reset(app_before)

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Return what matches a request's path, whatever host it was sent to.

        None where there is nothing to match: the request's path is that of a rule.
        """
        if request is None:
            return None
        rule = self._rules.get((request.method, request.path))
        if rule is None:
            path = _without_slash(request.path)
            return MapAdapter(self.url_map, "", "/", "", "http", path, request.method)
        request.url_rule, request.view_args = rule, {}
        return None

    @cached_property
    def _rules(self) -> dict[tuple[str, str], Rule]:
        rules = [rule for rule in self.url_map.iter_rules() if not rule.arguments]
        return {(method, rule.rule): rule for rule in rules for method in rule.methods or ()}

    def full_dispatch_request(self) -> Any:
        """Run the hooks and the handler; an exception is answered by its error handler."""
        try:
            told = self._answer(_request())
        except Exception as error:  # noqa: BLE001 - the edge of the process: all are answered
            told = self.handle_user_exception(error)
        return self.finalize_request(told)

    def _answer(self, request: Request) -> Any:
        rule, hooks = request.url_rule, self.before_request_funcs
        for hook in hooks.get(None, ()):
            hook()
        if rule is None:
            self.raise_routing_exception(request)
        for hook in hooks.get(rule.endpoint.rpartition(".")[0], ()):
            hook()
        handler: Callable[..., Any] = self.view_functions[rule.endpoint]
        return handler(**request.view_args or {})

    def finalize_request(self, rv: Any, from_error_handler: bool = False) -> Any:
        """Run what is to be run after a request."""
        answer = rv if isinstance(rv, Answer) else self._as_answer(rv)
        try:
            hook: Callable[[Any], Any]
            for hook in reversed(self.after_request_funcs.get(None, ())):
                answer = hook(answer)
        except Exception:
            if not from_error_handler:
                raise
            self.logger.exception("a hook after a request failed, after another error")
        return answer

    def _as_answer(self, told: Any) -> Answer:
        made = self.make_response(told)
        kind = made.content_type or "application/octet-stream"
        return Answer(made.get_data(), made.status_code, dict(made.headers), content_type=kind)

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function: none here is async."""
        return func
