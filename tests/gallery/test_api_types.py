"""The types that the pages are built with are those of the API."""

import shutil
import subprocess

import pytest

from tools.gallery_types import SPEC, WEB, spec

REMEDY = "run `python -m tools.gallery_types` and commit what it writes"


def test_the_committed_description_is_what_the_api_says():
    assert SPEC.read_text(encoding="utf-8") == spec(), REMEDY


@pytest.mark.skipif(shutil.which("node") is None, reason="node makes the types")
@pytest.mark.skipif(
    not (WEB / "node_modules" / "openapi-typescript").is_dir(), reason="npm ci was not run in gallery/web"
)
def test_the_committed_types_are_made_of_it():
    done = subprocess.run(
        ["npm", "run", "--silent", "types", "--", "--check"], cwd=WEB, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{done.stderr}{REMEDY}"
