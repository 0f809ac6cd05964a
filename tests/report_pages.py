"""The report's page as its tests make and read it."""

import shutil
from contextlib import chdir
from copy import copy
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from tempfile import mkdtemp

from conf_sections import providers, settings
from doors import SeesHer
from persona_folders import Folders, coloured
from persona_results import write_evaluation, write_training
from runs import run_of

from likeness.config import Config, ItemsConfig
from likeness.dataset import DatasetConfig
from likeness.diffusion.config import BaseModelConfig
from likeness.images import encode_png
from likeness.ingest import IngestConfig
from likeness.persona import Persona
from likeness.pipeline.manifest import Failure, read_manifest, write_manifest
from likeness.report import ReportConfig
from likeness.train.config import TrainConfig
from stages import dataset

PAIRS = (("s1", "t1"), ("s2", "t1"), ("s2", "t2"), ("s3", None))
PERSONA = settings(Persona, "persona/jade.yaml")
VOID = {"meta", "img", "link", "br", "line", "path", "circle", "rect"}


def config(base: str = "tiny_random", enhance: str = "lanczos", **changes) -> Config:
    return Config.model_construct(
        dataset=settings(DatasetConfig, "dataset/default.yaml", side_px=64),
        report=settings(ReportConfig, "report/default.yaml", **changes),
        base=settings(BaseModelConfig, f"base/{base}.yaml"),
        train=settings(TrainConfig, "train/default.yaml"),
        ingest=settings(IngestConfig, "ingest/default.yaml"),
        items=settings(ItemsConfig, "items/local.yaml"),
        **providers(enhance),
    )


def report_folders(root: Path, monkeypatch) -> Folders:
    """All that a report is made of; the dataset's door lets patterns pass."""
    monkeypatch.setattr("stages.dataset.PictureGate", SeesHer)
    made = copy(_made())
    made.root = Path(shutil.copytree(made.root, root, dirs_exist_ok=True))
    return made


@cache
def _made() -> Folders:
    """They are made once a process, and copied."""
    with chdir(mkdtemp(prefix="likeness-report-")):
        made = Folders(Path.cwd())
        made.everything(PAIRS)
        dataset.main(run_of("dataset", config(), PERSONA))
        write_training(made)
        write_evaluation(made)
    return made


def page(folders: Folders) -> str:
    return (folders.places.report / "index.html").read_text()


class Checker(HTMLParser):
    """Collects what a page refers to, and that its tags close in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.references: list[str] = []
        self.ids: set[str] = set()
        self.images: list[dict[str, str | None]] = []

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.references += [
            attributes[name] or "" for name in ("src", "href", "data", "srcset") if name in attributes
        ]
        self.ids |= {attributes["id"] or ""} if "id" in attributes else set()
        self.images += [attributes] if tag == "img" else []
        assert tag not in ("script", "iframe", "object", "link")
        assert not [name for name in attributes if name.startswith("on")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag


def checked(html: str) -> Checker:
    checker = Checker()
    checker.feed(html)
    assert checker.open == []
    return checker


def refuse(folders: Folders, reason: str) -> None:
    """One more photograph of strong colour, left out by ingest for this reason."""
    (folders.places.raw_sources / "other.png").write_bytes(encode_png(coloured("other", 32)))
    ingested = read_manifest(folders.places.ingested)
    failure = Failure(
        id="jade-s98",
        source="s98",
        origin="other.png",
        kind="refused",
        reason=reason,
        detail="other.png: no",
        remedy="another one",
    )
    write_manifest(folders.places.ingested, ingested.entries, [failure])
