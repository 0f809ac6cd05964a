"""pyproject.toml says everything but this: pip would answer an older Python with a list of versions of diffusers."""

import sys

from setuptools import setup

if sys.version_info < (3, 11):  # noqa: UP036 - an old Python reads it
    sys.exit(
        f"likeness needs Python 3.11 or newer; this is {sys.version.split()[0]}. "
        "Make an environment of a newer one: `make PYTHON=python3.12 install`"
    )
setup()
