"""A server that takes mail over TLS, with a certificate that only whoever is told of it trusts."""

import datetime
import ipaddress
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class Server:
    """Where it listens, what it was given, and the file of its certificate. `refuses`: an answer in place of taking a message."""

    port: int
    certificate: Path
    commands: list[str] = field(default_factory=list[str])
    messages: list[str] = field(default_factory=list[str])
    refuses: str = ""


def _certificate(folder: Path) -> Path:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(key, hashes.SHA256())
    )  # fmt: skip
    path = folder / "mail.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@contextmanager
def mail_server(folder: Path, *, tls_first: bool) -> Iterator[Server]:
    """Runs until the end of the block."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path := _certificate(folder))

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with ExitStack() as opened, suppress(OSError):  # whoever does not trust the certificate goes
                self._talk(opened, self._over_tls(opened, self.request) if tls_first else self.request)

        def _over_tls(self, opened: ExitStack, connection: Any) -> Any:
            return opened.enter_context(context.wrap_socket(connection, server_side=True))

        def _talk(self, opened: ExitStack, connection: Any) -> None:
            lines = opened.enter_context(connection.makefile("rb"))
            say = lambda text: connection.sendall(f"{text}\r\n".encode())  # noqa: E731
            say("220 here")
            while line := lines.readline().decode().strip():
                running.commands.append(line)
                word = line.partition(" ")[0].upper()
                if word == "EHLO":
                    say("250-here")
                    say("250-STARTTLS")
                    say("250 AUTH PLAIN")
                elif word == "STARTTLS":
                    say("220 go on")
                    connection = self._over_tls(opened, connection)
                    lines = opened.enter_context(connection.makefile("rb"))
                elif word == "DATA" and not running.refuses:
                    say("354 go on")
                    body = iter(partial(lines.readline), b".\r\n")
                    running.messages.append(b"".join(body).decode())
                    say("250 taken")
                else:
                    answers = {"AUTH": "235 yes", "QUIT": "221 bye", "DATA": running.refuses}
                    say(answers.get(word, "250 yes"))

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        running = Server(server.server_address[1], path)
        threading.Thread(target=server.serve_forever, args=(0.005,), daemon=True).start()
        yield running
        server.shutdown()
