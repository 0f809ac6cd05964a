"""A persona's repository whose files were published before, and a new place on S3 to publish to."""

import shutil
from pathlib import Path

import pytest
from doors import SeesHer
from persona_folders import Folders
from publications import config, publish_in

from fakes.s3 import S3Server
from likeness.config import Config

PAIRS = (("s1", "t1"), ("s2", "t1"), ("s3", None))


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose files were published before, elsewhere: their marked copies are there."""
    root = tmp_path_factory.mktemp("published")
    publish_in(root, PAIRS)
    return root


@pytest.fixture
def cfg(s3: S3Server) -> Config:
    return config(f"s3://{s3.new_bucket()}/shelf")


@pytest.fixture
def folders(made: Path, in_tmp: Path, monkeypatch) -> Folders:
    monkeypatch.setattr("stages.dataset.PictureGate", SeesHer)
    monkeypatch.setattr("likeness.publish.PictureGate", SeesHer)
    shutil.copytree(made, in_tmp, dirs_exist_ok=True)
    return Folders(in_tmp)
