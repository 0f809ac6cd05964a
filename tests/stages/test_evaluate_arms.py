"""Four ways to draw the person, with the random twins: the base, a reference picture, the LoRA, both."""

import json
from dataclasses import replace

import numpy as np
import pytest
from conf_sections import section, settings
from doors import SeesHer, seen
from evaluation_runs import PERSONA, config, ready_folders
from known_faces import analyzer, at_angle, known_face
from persona_folders import Folders
from reference_files import write_adapter
from runs import run_of

from likeness.config import Config, validated
from likeness.diffusion.config import BaseModelConfig
from likeness.diffusion.load import load_base
from likeness.digests import sha256_bytes
from likeness.errors import ConfigError, InputError
from likeness.evaluate import draw as renderer
from likeness.images import encode_jpeg, load_rgb
from likeness.pipeline.manifest import read_manifest, write_manifest
from likeness.report.collect import Evaluation
from likeness.report.page import arm_rows
from likeness.report.pictures import Album
from likeness.report.view import Figures
from likeness.run import RepositoryPaths
from likeness.safety.consent import Consent
from likeness.safety.identity import RESNET, SFACE, vectors_json
from likeness.strict_yaml import read_yaml
from stages import evaluate

pytestmark = pytest.mark.slow
ALL = ["base", "reference", "lora", "both"]


@pytest.fixture
def folders(in_tmp, monkeypatch) -> Folders:
    def find(rgb):  # whose face it is depends on the picture
        return [known_face(at_angle(int(rgb.sum()) % 60))]

    monkeypatch.setattr("likeness.safety.identity.face_analyzer", lambda own: analyzer(find))
    return ready_folders(in_tmp, monkeypatch)


def four(folders: Folders, **changes) -> Config:
    base = settings(BaseModelConfig, "base/tiny_random.yaml")
    adapter = write_adapter(load_base(base, device="cpu"), folders.root)
    return config(arms=ALL, ip_adapter=adapter.model_dump(), checkpoints=False, **changes)


def details(folders: Folders) -> dict:
    return json.loads((folders.places.samples / "details.json").read_text())


def test_four_ways_are_drawn_and_compared(folders):
    cfg = four(folders, seeds=[3, 4])
    evaluate.main(run_of("evaluate", cfg, PERSONA))
    entries = {one.id: one for one in read_manifest(folders.places.samples).entries}
    drawn = [load_rgb(folders.places.samples / entries[f"jade-p1-seed3-{way}"].file)
             for way in ("without", "reference", "with", "both")]  # fmt: skip
    assert len({picture.tobytes() for picture in drawn}) == 4
    # A prompt without the name is not drawn after her photograph.
    assert "jade-p2-seed3-reference" not in entries
    own = next(one for one in read_manifest(folders.places.lora_training).entries if one.target is None)
    assert own.sha256 in entries["jade-p1-seed3-reference"].parents
    assert len(entries["jade-p1-seed3-both"].parents) == 2
    found = details(folders)
    assert [row["arm"] for row in found["measures"]["arms"]] == ALL
    for row in found["measures"]["arms"]:
        assert [one["key"] for one in row["embedders"]] == ["sface", "resnet"]
        assert row["of"] == row["embedders"][0]["of"] == 2
    # Everything else is measured without the reference picture.
    lora = found["measures"]["arms"][2]["embedders"][0]
    assert lora["similarity"] == found["measures"]["embedders"][0]["samples"]["similarity"]
    assert {one["id"].rpartition("-")[2] for one in found["samples"]} == {"with", "without"}
    metrics = json.loads(folders.places.evaluation_metrics.read_text())
    assert {"sface_share_reference", "sface_share_both", "resnet_share_both"} <= metrics.keys()


def test_two_ways_give_the_same_pictures_and_no_table(folders):
    evaluate.main(run_of("evaluate", config(checkpoints=False), PERSONA))
    before = {one.id: one.sha256 for one in read_manifest(folders.places.samples).entries}
    assert details(folders)["measures"]["arms"] == []
    evaluate.main(run_of("evaluate", four(folders), PERSONA))
    after = {one.id: one.sha256 for one in read_manifest(folders.places.samples).entries}
    assert before.items() < after.items()


def test_a_second_run_draws_nothing_and_another_strength_draws_again(folders, monkeypatch):
    cfg, count = four(folders), []
    original = renderer.generate

    def counted(base, requests, *, reference):
        count.append(reference)
        return original(base, requests, reference=reference)

    monkeypatch.setattr(renderer, "generate", counted)
    evaluate.main(run_of("evaluate", cfg, PERSONA))
    assert len(count) == 6
    evaluate.main(run_of("evaluate", cfg, PERSONA))
    assert len(count) == 6
    options = cfg.evaluate
    weaker = options.model_copy(update={"ip_adapter": options.ip_adapter.model_copy(update={"scale": 0.3})})
    evaluate.main(run_of("evaluate", cfg.model_copy(update={"evaluate": weaker}), PERSONA))
    assert [one.adapter.scale for one in count[6:]] == [0.3, 0.3]


def test_the_report_shows_them_side_by_side(folders, monkeypatch):
    evaluate.main(run_of("evaluate", four(folders), PERSONA))
    manifest = read_manifest(folders.places.samples)

    class Got:
        evaluation = Evaluation.model_validate_json((folders.places.samples / "details.json").read_text())
        samples = manifest

        @staticmethod
        def sample(file):
            return folders.places.samples / file

    class Options:
        sample_px, thumb_px = 64, 64

    album = Album(quality=80, max_bytes=10**7, synthetic=True)
    (row,) = arm_rows(Figures(Got, album, Options))
    assert [one.label for one in row["figures"]] == [
        "the base alone", "the base after a photograph", "with the LoRA", "with the LoRA, after a photograph"
    ]  # fmt: skip
    assert all(one.picture for one in row["figures"])
    assert "after a photograph" in row["figures"][1].picture.alt


def test_without_a_photograph_of_hers_there_is_nothing_to_draw_after(folders, monkeypatch):
    cfg = four(folders)
    monkeypatch.setattr(
        "likeness.evaluate.arms.read_verified",
        lambda folder: replace(read_manifest(folder), entries=()),
    )
    with pytest.raises(InputError, match=r"evaluate\.arms: none of jade's own photographs"):
        evaluate.main(run_of("evaluate", cfg, PERSONA))


def test_a_strangers_photograph_laid_into_the_training_set_is_not_drawn_after(folders, monkeypatch):
    folder = folders.places.lora_training
    data = encode_jpeg(np.full((64, 64, 3), 200, np.uint8))
    lines = [
        one.model_copy(update={"sha256": sha256_bytes(data)}) if one.target is None else one
        for one in read_manifest(folder).entries
    ]
    for one in lines:
        if one.target is None:
            (folder / one.file).write_bytes(data)
    write_manifest(folder, lines, [])
    another = np.eye(1, 128, 3, dtype=np.float32)[0]
    stranger = vectors_json({SFACE: another, RESNET: another})
    monkeypatch.setattr(SeesHer, "measure", lambda self, rgb: seen(**stranger))
    monkeypatch.setattr("likeness.safety.pictures.PictureGate", SeesHer)
    with pytest.raises(InputError) as caught:
        evaluate.main(run_of("evaluate", four(folders), PERSONA))
    assert caught.value.reason == "unknown-face"
    assert not list(folders.places.samples.glob("*.jpg"))


def test_nothing_is_drawn_after_a_photograph_that_consent_does_not_cover(folders, monkeypatch):
    monkeypatch.setattr(Consent, "covers_photo", lambda self, *photo: False)
    with pytest.raises(InputError) as caught:
        evaluate.main(run_of("evaluate", four(folders), PERSONA))
    assert "consent does not cover" in caught.value.message


@pytest.mark.parametrize(
    ("base", "told"),
    [("zimage", "Z-Image draws after no reference picture"), ("sdxl", "by an IP-Adapter"), ("flux2", None)],
)
def test_settings_that_the_base_cannot_draw_are_refused_before_any_work(base, told):
    place = RepositoryPaths.here().root / "params.yaml"
    values = read_yaml(place, remedy="")
    values["base"] = section(f"base/{base}.yaml") | {"revision": "0" * 40}
    values["evaluate"]["arms"] = ALL
    try:
        validated(values, place)
        said = ""
    except ConfigError as error:
        said = str(error)
    assert ("evaluate.arms" in said) == (told is not None)
    assert told is None or told in said
