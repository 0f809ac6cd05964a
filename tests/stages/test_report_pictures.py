"""The stage `report`: which pictures stand on the page, and which are told in words alone."""

import pytest
from doors import SeesHer, seen
from persona_folders import Folders
from report_pages import PERSONA, checked, config, page, refuse, report_folders
from runs import run_of

from likeness.pipeline.manifest import read_manifest, write_manifest
from stages import report


@pytest.fixture
def folders(in_tmp, monkeypatch) -> Folders:
    return report_folders(in_tmp, monkeypatch)


def test_a_refused_photograph_that_was_exchanged_or_lies_elsewhere_is_not_shown(folders):
    """The line is one that ingest might have written."""

    def shown(gate: object) -> int:
        run = run_of("report", config(), PERSONA)
        vars(run)["gate"] = gate
        report.main(run)
        return len(checked(page(folders)).images)

    class SeesMore:
        def measure(self, rgb):
            return seen() | {"explicit": 0.9}

    refuse(folders, "blurred")
    assert shown(SeesHer()) == shown(SeesMore()) + 1
    (folders.places.raw_sources / "other.png").rename("elsewhere.png")
    manifest = read_manifest(folders.places.ingested)
    (line,) = manifest.failures
    lines = [line.model_copy(update={"origin": "../../../../elsewhere.png"})]
    write_manifest(folders.places.ingested, manifest.entries, lines)
    assert shown(SeesHer()) == shown(SeesMore())


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        ("blurred", True),
        ("near-duplicate", True),
        ("explicit", False),
        ("apparent-minor", False),
        ("no-licence", False),
        ("not-the-persona", False),
        ("a-reason-of-next-year", False),
    ],
)
def test_a_refused_photograph_is_shown_only_for_technical_reasons(folders, reason, shown):
    refuse(folders, reason)
    report.main(run_of("report", config(), PERSONA))
    images = [image for image in checked(page(folders)).images if image["alt"] == "jade-s98"]
    assert len(images) == int(shown)


def test_a_sample_in_review_is_not_shown(folders):
    details = folders.places.evaluation / "samples" / "details.json"
    details.write_text(details.read_text().replace('"rating": "sfw"', '"rating": "review"'))
    report.main(run_of("report", config(), PERSONA))
    assert not [image for image in checked(page(folders)).images if "seed 1" in (image["alt"] or "")]
    assert "widget" not in (folders.places.models / "README.md").read_text()


def test_a_full_page_leaves_pictures_out_and_counts_them(folders):
    report.main(run_of("report", config(), PERSONA))
    whole = len(checked(page(folders)).images)
    report.main(run_of("report", config(max_page_bytes=100_000, thumb_px=32, sample_px=32), PERSONA))
    small = page(folders)
    assert len(small.encode()) < 130_000
    report.main(run_of("report", config(max_strips=1), PERSONA))
    assert 0 < len(checked(page(folders)).images) < whole
    assert "3 images more are in the training set" in page(folders)


def test_an_image_in_review_is_listed_without_its_picture(folders):
    report.main(run_of("report", config(), PERSONA))
    before = len(checked(page(folders)).images)
    for name in ("lora_training", "enhanced", "resized", "swapped"):
        folder = folders.places.lora_training if name == "lora_training" else folders.places.data / name
        manifest = read_manifest(folder)
        entries = [
            entry.model_copy(update={"rating": "review"}) if entry.id == "jade-s2-t2" else entry
            for entry in manifest.entries
        ]
        write_manifest(folder, entries, manifest.failures)
    report.main(run_of("report", config(), PERSONA))
    assert len(checked(page(folders)).images) < before
    assert not [image for image in checked(page(folders)).images if "jade-s2-t2," in (image["alt"] or "")]
    assert "jade-s2-t2" in page(folders)
