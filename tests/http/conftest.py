"""The fixtures of tests/http_vendor.py."""

from http_vendor import key_in_the_environment, server

__all__ = ["key_in_the_environment", "server"]
