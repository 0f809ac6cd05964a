"""Connections to allowed addresses only, with a deadline.

A whole exchange is done by one thread, so what is left of its time is kept by thread.
"""

import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

import httpcore

READ_BYTES = 256 * 1024
"""Read at a time; httpcore's 64 KiB make four times as many turns for the interpreter's lock."""

MIN_WAIT_S = 1e-3

GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")

# The registries of special-purpose addresses (iana.org/assignments/iana-ipv4-special-registry and iana-ipv6-special-registry, read
# 2026-11-29), those that are reachable from everywhere, too: no vendor keeps results there. Which of them Python's `is_global`
# knows depends on its version.
SPECIAL_V4 = tuple(
    map(
        ipaddress.IPv4Network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.31.196.0/24",
            "192.52.193.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "192.175.48.0/24",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",
            "168.63.129.16/32",  # in no registry: Azure's own server, as each of its machines sees it
        ),
    )
)
SPECIAL_V6 = tuple(
    map(
        ipaddress.IPv6Network,
        # Teredo, ORCHID, benchmarks and others; documentation; 6to4; AS112; documentation.
        ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"),
    )
)
ISATAP = (0x00005EFE, 0x02005EFE)
"""The third quarter of an address whose last one is an IPv4 address to go on to (RFC 5214)."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class ForbiddenAddressError(Exception):
    """The name stands for an address that must not be reached."""


def is_address(url: str) -> bool:
    """Whether a URL names a host in plain letters, a port that can be, and nobody's password."""
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.netloc.isascii() and "@" not in parts.netloc and parts.port != 0
    except ValueError:
        return False


def is_loopback(host: str | None) -> bool:
    """Whether a URL's host is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def is_public(address: Address) -> bool:
    """Whether an address belongs to the internet, and not to this machine, its network or its cloud.

    Of IPv6 only global unicast: NAT64 (64:ff9b::/96), mapped, compatible, 6to4, Teredo and ISATAP addresses carry an IPv4
    address that a gateway would go on to.
    """
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in SPECIAL_V4)
    if mapped := address.ipv4_mapped:
        return is_public(mapped)
    if int(address) >> 32 & 0xFFFFFFFF in ISATAP:
        return False
    return address in GLOBAL_UNICAST and not any(address in network for network in SPECIAL_V6)


class Sockets(httpcore.NetworkBackend):
    """Connects to addresses that were checked, and ends every phase when the thread's time is up."""

    def __init__(self, may_reach: Callable[[Address], bool] | None) -> None:
        self._may_reach = may_reach
        self._plain = httpcore.SyncBackend()
        self._ends = threading.local()

    def end_after(self, seconds: float) -> None:
        """What this thread does next has to be done in so many seconds."""
        self._ends.at = time.monotonic() + seconds

    def left(self, timeout: float | None, error: type[httpcore.TimeoutException]) -> float:
        """Seconds left of a phase that may take `timeout`."""
        left = min(self._ends.at - time.monotonic(), timeout or float("inf"))
        if left <= 0:
            raise error("the time for the whole exchange is up")
        return left

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """A connection to the first address of `host` that takes one; all of them have to be allowed."""
        try:
            # A label that is too long or empty is a UnicodeError.
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"{host} is not found: {error}") from None
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        for address in addresses:
            if self._may_reach is not None and not self._may_reach(
                ipaddress.ip_address(address.partition("%")[0])
            ):
                raise ForbiddenAddressError(f"{host} is at {address}")
        last: httpcore.ConnectError | httpcore.ConnectTimeout | None = None
        for number, address in enumerate(addresses):
            # One address that does not answer leaves time for the others.
            share = self.left(timeout, httpcore.ConnectTimeout) / (len(addresses) - number)
            try:
                stream = self._plain.connect_tcp(address, port, share, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                last = error
            else:
                return _Stream(stream, self)
        raise last or httpcore.ConnectError(f"{host} has no address")


class _Stream(httpcore.NetworkStream):
    """A socket that keeps to the thread's time."""

    def __init__(self, stream: httpcore.NetworkStream, sockets: Sockets) -> None:
        self._stream, self._sockets = stream, sockets
        self._cut = False

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """At most READ_BYTES; httpcore's `max_bytes` is its habit, not a need."""
        left = self._sockets.left(timeout, httpcore.ReadTimeout)
        data, problem = b"", "the server hung up"
        try:
            data = self._stream.read(READ_BYTES, left)
        except httpcore.ReadError as error:
            if not self._cut:
                raise
            problem = str(error)
        if self._cut and not data:
            # httpcore goes on after a failed write, in case the server has said why. It has not.
            raise httpcore.WriteError(problem)
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """All of it; the time is for all of it, too."""
        sock: socket.socket = self._stream.get_extra_info("socket")
        until = time.monotonic() + self._sockets.left(timeout, httpcore.WriteTimeout)
        rest = memoryview(buffer)
        try:
            while rest:
                # Zero would mean not to wait at all.
                sock.settimeout(max(until - time.monotonic(), MIN_WAIT_S))
                rest = rest[sock.send(rest) :]
        except TimeoutError:
            raise httpcore.WriteTimeout("the server does not take the request") from None
        except OSError as error:
            self._cut = True
            raise httpcore.WriteError(str(error)) from None

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """The same, encrypted and with the name checked."""
        left = self._sockets.left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, left), self._sockets)

    def close(self) -> None:
        """Hang up."""
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:
        """As of the socket."""
        return self._stream.get_extra_info(info)
