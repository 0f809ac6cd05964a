"""The fixtures of tests/lora_fixtures.py."""

from lora_fixtures import few_threads, folder, fresh

__all__ = ["few_threads", "folder", "fresh"]
