"""A browser for the tests of the desk: what it sends, each part of which a test may change."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlencode

from likeness.cli.desk.serve import DeskServer


@contextmanager
def serving() -> Iterator[DeskServer]:
    """A desk at work in a thread of its own."""
    with DeskServer(0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.005}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class Visitor:
    """A browser that opened the link, unless it is told otherwise."""

    def __init__(self, server: DeskServer) -> None:
        self.server, self.port = server, server.server_port
        self.host = f"127.0.0.1:{self.port}"
        self.cookie = ""
        answer = self.get(server.link.removeprefix(f"http://{self.host}"))
        assert answer.status == 303
        self.cookie = str(answer.getheader("Set-Cookie")).partition(";")[0]

    def get(self, path: str, **headers: str) -> http.client.HTTPResponse:
        return self.ask("GET", path, None, headers)

    def post(
        self, path: str, headers: dict[str, str] | None = None, **fields: str
    ) -> http.client.HTTPResponse:
        fields = {"form": self.server.guard.form, **fields}
        usual = {"Origin": f"http://{self.host}", "Content-Type": "application/x-www-form-urlencoded"}
        return self.ask("POST", path, urlencode(fields), usual | (headers or {}))

    def ask(
        self, method: str, path: str, body: str | None, headers: dict[str, str]
    ) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        sent = {"Host": self.host, "Cookie": self.cookie} | headers
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in sent.items():
            if value:
                connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(None if body is None else body.encode())
        answer = connection.getresponse()
        answer.text = answer.read()  # type: ignore[attr-defined]
        connection.close()
        return answer


def text(answer: http.client.HTTPResponse) -> str:
    return answer.text.decode()  # type: ignore[attr-defined]
