"""A vendor's calls, as a context manager."""

from typing import Self

from likeness.http.client import Client


class Service:
    """A vendor's calls, open as its client is."""

    _client: Client

    def __enter__(self) -> Self:
        self._client.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._client.__exit__(*error)
