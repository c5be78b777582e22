"""Flask without what nothing here uses: sessions, signals, async views, host names, url_for.

MEASURED: with them, with Werkzeug's Request and Response and read through Flask's proxies
(app.api.context), a small request makes a third more calls. Only what Flask and Werkzeug offer for
overriding is overridden.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextvars import ContextVar
from functools import cached_property
from typing import TYPE_CHECKING, Any

from flask import Flask, Request, g
from flask import request as request_proxy
from flask.ctx import RequestContext
from flask.sessions import NullSession
from werkzeug.routing import BaseConverter, MapAdapter, Rule

from app.api.http.response import WSGIResponse

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_request_proxy: Any = request_proxy
_g: Any = g
_request_context: ContextVar[Any] = _request_proxy.__wrapped__
_app_context: ContextVar[Any] = _g.__wrapped__
_API = "/v1/"
_NO_SESSION = NullSession()


def _without_slash(path: str) -> str:
    """Return a path of the API's without the one slash that may stand at its end (E11).

    Only there: a proxy has rules for other paths, and a second spelling would get around them.
    """
    ends = path.startswith(_API) and path.endswith("/") and not path.endswith("//")
    return path[:-1] if ends else path


class SlimRequest(Request):
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


class SegmentConverter(BaseConverter):
    """A variable in a path: any segment but the words that stand for a path of their own there.

    Werkzeug would count the variable path's methods to those of the word's in `Allow`.
    """

    regex = r"(?!(?:input_tokens|compact)$)[^/]+"
    part_isolating = True


class SlimRule(Rule):
    """A rule that builds no URL, which is asked of none here.

    MEASURED: Werkzeug compiles two functions of Python for that with each rule: 15 of the 21 ms in
    which the application is made, as it is for each of two thousand tests.
    """

    def _compile_builder(
        self,
        append_unknown: bool = True,  # noqa: ARG002 - Werkzeug's signature
    ) -> Callable[..., tuple[str, str]]:
        return _build_no_url


def _build_no_url(rule: Rule, **values: object) -> tuple[str, str]:
    raise NotImplementedError("no URL is built of a rule")


class SlimContext(RequestContext):
    """What all of Flask's proxies look at while a request is handled: `g` and `current_app` too."""

    g: Any


class SlimFlask(Flask):
    """Flask for handlers that return a WSGIResponse.

    Blueprints may have hooks before a request, the app before and after; none is async. No
    blueprint is within another.
    """

    request_class = SlimRequest
    url_rule_class = SlimRule

    def __init__(self, import_name: str) -> None:
        super().__init__(import_name, static_folder=None)
        self.url_map.converters["default"] = SegmentConverter

    def wsgi_app(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request.

        MEASURED: the two contexts that Flask pushes, and tells of, are 14 calls more.
        """
        if "werkzeug.debug.preserve_context" in environ:  # by a test client: it goes on with them
            return super().wsgi_app(environ, start_response)
        request_context = SlimContext(self, environ, session=_NO_SESSION)
        request_context.g = self.app_ctx_globals_class()
        app_before, request_before = (
            _app_context.set(request_context),
            _request_context.set(request_context),
        )
        try:
            try:
                if request_context.url_adapter is not None:
                    request_context.match_request()
                response = self.full_dispatch_request()
            except Exception as error:  # noqa: BLE001 - what even their handlers failed at
                response = self.handle_exception(error)
            pieces: Iterable[bytes] = response(environ, start_response)
            return pieces
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
            returned = self._dispatch(_request_context.get().request)
        except Exception as error:  # noqa: BLE001 - the edge of the process: all are answered
            returned = self.handle_user_exception(error)
        return self.finalize_request(returned)

    def _dispatch(self, request: Request) -> Any:
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
        response = rv if isinstance(rv, WSGIResponse) else self._as_response(rv)
        try:
            hook: Callable[[Any], Any]
            for hook in reversed(self.after_request_funcs.get(None, ())):
                response = hook(response)
        except Exception:
            if not from_error_handler:
                raise
            self.logger.exception("a hook after a request failed, after another error")
        return response

    def _as_response(self, returned: Any) -> WSGIResponse:
        made = self.make_response(returned)
        kind = made.content_type or "application/octet-stream"
        return WSGIResponse(
            made.get_data(), made.status_code, dict(made.headers), content_type=kind
        )

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function: none here is async."""
        return func
