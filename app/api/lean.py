"""Flask without what nothing here uses: sessions, signals, async views, host names, teardowns.

MEASURED: with them, and read through Flask's proxies (current), a small request makes a fifth
more calls. Only methods that Flask and Werkzeug offer for overriding are overridden.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from flask import Flask, Request, Response
from flask import request as asked
from flask.sessions import NullSession, SessionInterface
from werkzeug.routing import MapAdapter

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_asked: Any = asked


class Told:
    """The pieces of a stream, and what has to be done when it is over, however it ends."""

    __slots__ = ("_pieces", "close")

    def __init__(self, pieces: Iterable[bytes], close: Callable[[], None]) -> None:
        self._pieces = pieces
        self.close = close

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._pieces)


class Answer(Response):
    """A response whose status allows a body, made with every header that it needs."""

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Send it: its body is bytes, whole or in pieces."""
        start_response(self.status, self.headers.to_wsgi_list())
        if environ["REQUEST_METHOD"] == "HEAD":
            return Told((), self.close)
        body: Any = self.response
        return Told(body, self.close) if self.is_streamed else body


class NoSessions(SessionInterface):
    """One session for everybody, with nothing in it."""

    def __init__(self) -> None:
        self._none = NullSession()

    def open_session(self, _app: Flask, _request: Request) -> NullSession:
        """Return the empty session."""
        return self._none


class LeanFlask(Flask):
    """Flask for handlers that return an Answer.

    Blueprints may have hooks before a request, the app before and after; none is async.
    """

    response_class = Answer

    def __init__(self, import_name: str) -> None:
        super().__init__(import_name, static_folder=None)
        self.session_interface = NoSessions()

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Return what matches a request's path, whatever host it was sent to."""
        if request is None:
            return None
        return MapAdapter(self.url_map, "", "/", "", "http", request.path, request.method)

    def full_dispatch_request(self) -> Response:
        """Run the hooks and the handler; an exception is answered by its error handler."""
        try:
            told = self._answer(_asked._get_current_object())
        except Exception as error:  # noqa: BLE001 - the edge of the process: all are answered
            told = self.handle_user_exception(error)
        return self.finalize_request(told)

    def _answer(self, request: Request) -> Any:
        for name in (None, *reversed(request.blueprints)):
            for hook in self.before_request_funcs.get(name, ()):
                hook()
        if request.routing_exception is not None:
            self.raise_routing_exception(request)
        rule: Any = request.url_rule
        handler: Callable[..., Any] = self.view_functions[rule.endpoint]
        return handler(**request.view_args or {})

    def finalize_request(self, rv: Any, from_error_handler: bool = False) -> Response:
        """Run what is to be run after a request."""
        if from_error_handler or not isinstance(rv, Answer):
            return super().finalize_request(rv, from_error_handler)
        return self.process_response(rv)

    def process_response(self, response: Response) -> Response:
        """Run the app's hooks after a request."""
        for hook in reversed(self.after_request_funcs.get(None, ())):
            response = self.ensure_sync(hook)(response)
        return response

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function: none here is async."""
        return func

    def do_teardown_request(self, _exc: BaseException | None = None) -> None:
        """Do nothing: there are no teardown functions."""

    def do_teardown_appcontext(self, _exc: BaseException | None = None) -> None:
        """Do nothing: there are no teardown functions."""
