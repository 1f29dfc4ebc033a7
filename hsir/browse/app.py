"""The pages as a web application for this machine alone.

Everything on a page is text from files, some of it written by models. So nothing of it is a script or markup: templates
escape every value, and the policy in the headers lets the browser run one script, which comes with HSIR.
"""

import secrets
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hsir.browse.listing import SHARES, VERDICTS, Query
from hsir.browse.pages import Pages
from hsir.browse.places import Place
from hsir.errors import HsirError
from hsir.report.visible import visible

HOSTS = ["127.0.0.1", "localhost"]
"""The names that a browser may call this machine; under any other, the request comes from another site's page."""
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
TEMPLATES = Path(__file__).with_name("templates")
STATIC = ("style.css", "keys.js")


def app(title: str, places: list[Place], secret: str | None = None) -> Starlette:
    """Return the application. All addresses begin with a secret, because other users of this machine can also connect
    to it."""
    site = _Site(title, Pages(places), f"/{secret or secrets.token_urlsafe(12)}")
    routes = [
        Route("/", site.overview),
        *(Route(f"/{name}", _file(name)) for name in STATIC),
        Route("/{place:path}/question", site.question),
        Route("/{place:path}", site.listing),
    ]
    middleware = [Middleware(_Headers), Middleware(TrustedHostMiddleware, allowed_hosts=HOSTS, www_redirect=False)]
    handlers = dict.fromkeys((HTTPException, HsirError, OSError), site.error)
    made = Starlette(routes=[Mount(site.root, routes=routes)], middleware=middleware, exception_handlers=handlers)
    made.state.root, made.state.close = f"{site.root}/", site.close
    return made


class _Site:
    """The handlers of the addresses. They run in threads; one at a time reads tables."""

    def __init__(self, title: str, pages: Pages, root: str) -> None:
        self.root, self._title, self._pages, self._lock = root, title, pages, Lock()
        self._templates = Environment(
            loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
            lstrip_blocks=True, finalize=_shown,
        )  # fmt: skip
        self._templates.globals |= {"site": title, "root": f"{root}/", "shares": list(SHARES), "verdicts": VERDICTS}

    def close(self) -> None:
        """Stop what is computed in the background."""
        self._pages.close()

    def overview(self, request: Request) -> Response:
        with self._lock:
            return self._page("overview.html", view=self._pages.overview())

    def listing(self, request: Request) -> Response:
        place, query = self._place(request), _query(request)
        with self._lock:
            return self._page("listing.html", view=self._pages.listing(place, query))

    def question(self, request: Request) -> Response:
        place, query, name = self._place(request), _query(request), request.query_params.get("id", "")
        with self._lock:
            view = self._pages.question(place, name, query)
            if view is None:
                raise HTTPException(404, f"no question {name!r} in {place.key}")
            return self._page("question.html", view=view)

    def error(self, request: Request, error: Exception) -> Response:
        status, why = (error.status_code, error.detail) if isinstance(error, HTTPException) else (500, str(error))
        if not request.url.path.startswith(f"{self.root}/"):
            return Response("Use the address that `hsir browse` printed.\n", status, media_type="text/plain")
        return self._page("error.html", status, status=status, why=why)

    def _place(self, request: Request) -> Place:
        key = request.path_params["place"].strip("/")
        if (place := self._pages.places.get(key)) is None:
            raise HTTPException(404, f"no questions {key!r} in {self._title}")
        return place

    def _page(self, template: str, code: int = 200, **values: Any) -> Response:
        return HTMLResponse(self._templates.get_template(template).render(values), code)


class _Headers:
    """Adds HEADERS to every response, also to refusals."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
                message["headers"] = [*message["headers"], *given]
            await send(message)

        await self._app(scope, receive, sending)


def _query(request: Request) -> Query:
    """Read the parameters of an address; a form also sends the empty ones."""
    try:
        return Query.model_validate({name: value for name, value in request.query_params.items() if value})
    except ValidationError as error:
        wrong = ", ".join(f"{one['loc'][0]}: {one['msg']}" for one in error.errors())
        raise HTTPException(400, f"the address cannot be read: {wrong}") from error


def _file(name: str) -> Callable[[Request], Response]:
    def send(request: Request) -> Response:
        return FileResponse(TEMPLATES / name)

    return send


def _shown(value: Any) -> Any:
    """Prepare a value for a page; the template escapes it afterwards, unless it is the output of a macro."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value
