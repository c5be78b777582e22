"""Flask without the parts that are not used: sessions, signals, async views, hosts, url_for.

MEASURED: with them, with Werkzeug's Request and Response, and through Flask's proxies
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
    """Return an API path without its one trailing slash, if it has one (E11).

    Only under /v1/: a proxy may have rules for other paths, which a second spelling would evade.
    """
    ends = path.startswith(_API) and path.endswith("/") and not path.endswith("//")
    return path[:-1] if ends else path


class SlimRequest(Request):
    """A request built from its method and path; Werkzeug parses the rest on first use."""

    def __init__(self, environ: WSGIEnvironment) -> None:
        self.environ = environ
        self.method = environ["REQUEST_METHOD"].upper()
        path: str = environ["PATH_INFO"]
        self.path = "/" + path.encode("latin-1").decode(errors="replace").lstrip("/")

    def __getattr__(self, name: str) -> Any:
        if "headers" in self.__dict__ or "environ" not in self.__dict__:
            raise AttributeError(name)
        # populate_request=False: a reference from the environ would be a cycle for the collector.
        super().__init__(self.environ, populate_request=False)
        return getattr(self, name)


class SegmentConverter(BaseConverter):
    """Matches any path segment, except the words that are static paths at the same place.

    Otherwise Werkzeug would add the variable path's methods to the `Allow` of the static one.
    """

    regex = r"(?!(?:input_tokens|compact)$)[^/]+"
    part_isolating = True


class SlimRule(Rule):
    """A rule without URL building, which is not used here.

    MEASURED: Werkzeug compiles two Python functions for it per rule: 15 of the 21 ms that it
    takes to create the application, which each of two thousand tests does.
    """

    def _compile_builder(
        self,
        append_unknown: bool = True,  # noqa: ARG002 - Werkzeug's signature
    ) -> Callable[..., tuple[str, str]]:
        return _build_no_url


def _build_no_url(rule: Rule, **values: object) -> tuple[str, str]:
    raise NotImplementedError("no URL is built of a rule")


class SlimContext(RequestContext):
    """The one context behind all of Flask's proxies during a request, `g` and `current_app` too."""

    g: Any


class SlimFlask(Flask):
    """Flask for handlers that return a WSGIResponse.

    Blueprints may have hooks before a request, and the app before and after; none is async.
    Blueprints are not nested.
    """

    request_class = SlimRequest
    url_rule_class = SlimRule

    def __init__(self, import_name: str) -> None:
        super().__init__(import_name, static_folder=None)
        self.url_map.converters["default"] = SegmentConverter

    def wsgi_app(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Handle a request.

        MEASURED: pushing Flask's two contexts, with their signals, costs 14 calls more.
        """
        if "werkzeug.debug.preserve_context" in environ:  # a test client keeps the contexts
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
            except Exception as error:  # noqa: BLE001 - an error handler failed, too
                response = self.handle_exception(error)
            pieces: Iterable[bytes] = response(environ, start_response)
            return pieces
        finally:
            _request_context.reset(request_before)
            _app_context.reset(app_before)

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Return the adapter that matches the request's path, whatever its host.

        None if no matching is needed, since the path equals that of a rule without variables.
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
        """Run the hooks and the handler; an exception goes to its error handler."""
        try:
            returned = self._dispatch(_request_context.get().request)
        except Exception as error:  # noqa: BLE001 - the edge of the process: each gets a response
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
        """Run the hooks after a request."""
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
        """Return the function unchanged: none here is async."""
        return func
