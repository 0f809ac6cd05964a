"""The server: one machine, one person, the standard library's."""

import sys
import traceback
from dataclasses import replace
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Annotated
from urllib.parse import parse_qs, urlsplit

import typer

from likeness.cli.desk.guard import HOSTS, Guard
from likeness.cli.desk.routes import Answer, Asked, answer, refused
from likeness.cli.desk.state import Desk

MAX_BODY_BYTES = 200_000
IDLE_S = 30
"""A connection that says nothing for so long is closed."""
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not no-referrer: forms would come with `Origin: null`.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


NO_REQUEST = refused(HTTPStatus.BAD_REQUEST, "No page of the desk asks for this.")


def _fields(text: str) -> dict[str, str]:
    """Of a query or a form, the last of each name.

    Raises:
        ValueError: there are more than any form has.
    """
    return {
        name: values[-1] for name, values in parse_qs(text, keep_blank_values=True, max_num_fields=20).items()
    }


class DeskServer(ThreadingHTTPServer):
    """Listens on this machine's own address only."""

    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__((HOSTS[0], port), Handler)
        self.guard = Guard(port=self.server_port)
        self.desk = Desk(form_token=self.guard.form)

    @property
    def link(self) -> str:
        """What the terminal prints."""
        return f"http://{HOSTS[0]}:{self.server_port}/open?token={self.guard.link}"


class Handler(BaseHTTPRequestHandler):
    """Asks the guard, then the routes; every answer has the same headers."""

    server: DeskServer  # pyright: ignore[reportIncompatibleVariableOverride]
    protocol_version = "HTTP/1.1"
    timeout = IDLE_S

    def do_GET(self) -> None:
        """A page, a picture, or the link."""
        self._answer("")

    def do_POST(self) -> None:
        """An act; its answer leads to a page."""
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdecimal() or len(length) > 9 or int(length) > MAX_BODY_BYTES:
            self.close_connection = True
            self._send(refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "This is more than a form."))
            return
        body = self.rfile.read(int(length))
        if len(body) < int(length):  # the browser is gone, and half of a form says something else
            self.close_connection = True
            return
        self._answer(body.decode("utf-8", "replace"))

    def _answer(self, body: str) -> None:
        try:
            self._send(self._answered(body))
        except (BrokenPipeError, ConnectionResetError, TimeoutError):
            self.close_connection = True  # the browser went on

    def _answered(self, body: str) -> Answer:
        guard = self.server.guard
        headers = {name.lower(): value for name, value in self.headers.items()}
        if why := guard.refuses(headers):
            return refused(HTTPStatus.MISDIRECTED_REQUEST, why)
        try:
            url = urlsplit(self.path)
            query, fields = _fields(url.query), _fields(body)
        except ValueError:
            return NO_REQUEST
        if url.path == "/open" and self.command == "GET" and guard.opens(query.get("token", "")):
            return Answer(
                status=HTTPStatus.SEE_OTHER, headers={"Location": "/", "Set-Cookie": guard.set_cookie()}
            )
        if not guard.knows(headers):
            return refused(HTTPStatus.FORBIDDEN, "Open the link that `likeness desk` printed.")
        if self.command == "POST" and (why := guard.forged(headers, fields.get("form", ""))):
            return refused(HTTPStatus.FORBIDDEN, why)
        try:
            return answer(
                self.server.desk, Asked(method=self.command, path=url.path, query=query, fields=fields)
            )
        except Exception:
            sys.stderr.write(traceback.format_exc())
            return refused(
                HTTPStatus.INTERNAL_SERVER_ERROR,
                "This is a fault of likeness: the terminal has the traceback.",
            )

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the standard library refuses gets a page like any other, which repeats nothing of the request."""
        self.close_connection = True
        self._send(replace(NO_REQUEST, status=code))

    def _send(self, said: Answer) -> None:
        self.send_response(said.status)
        for name, value in {"Cache-Control": "no-store", **HEADERS, **said.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Type", said.kind)
        self.send_header("Content-Length", str(len(said.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(said.body)

    def version_string(self) -> str:
        """What a stranger need not know."""
        return "likeness"

    def log_message(self, format: str, *args: object) -> None:
        """The terminal is for the work: addresses hold names of files."""


def desk_command(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Any free one by default.")] = 0,
) -> None:
    """Open the operator's desk: a page on this machine (docs/desk.md).

    Photographs with their reasons, captions, one pair's swap, samples while training runs, plan and money. Prints a link, and
    serves until Ctrl-C.

    \b
    Examples:
      likeness desk
      likeness desk --port 8800
    """
    from likeness.errors import ConfigError

    try:
        server = DeskServer(port)
    except OSError as error:
        raise ConfigError(
            f"port {port} is not available: {error.strerror}",
            reason="port-taken",
            remedy="name another one, or none: then a free one is used",
        ) from error
    with server:
        server.desk.config()
        sys.stdout.write(f"The desk of this folder, until Ctrl-C, for this machine only:\n{server.link}\n")
        sys.stdout.flush()
        server.serve_forever()
