"""tools.synthetic_people: photographs are made once, judged, and written."""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from synthetic_person import a_face, mia

from likeness.errors import ConfigError, InputError, LikenessError
from likeness.faces import Face
from tools.synthetic_people import finish, portraits, produce
from tools.synthetic_people.gate import Gate, limits
from tools.synthetic_people.makehuman import Data
from tools.synthetic_people.plan import plan
from tools.synthetic_people.produce import Failed, Job, Made
from tools.synthetic_people.traits import OLDEST_YEARS


@dataclass
class Judge:
    """Finds the same faces and gives the same score and age for every picture."""

    found: list[Face] = field(default_factory=lambda: [a_face()])
    score: float = 0.01
    age: float = 30

    def faces(self, rgb: np.ndarray) -> list[Face]:
        return self.found

    def explicit(self, rgb: np.ndarray) -> float:
        return self.score

    def years(self, rgb: np.ndarray, face: Face) -> float:
        return self.age

    def gate(self) -> Gate:
        return Gate(faces=self, rater=self, ages=self, limits=limits(), min_face_px=64, judged_face_px=128)


@dataclass
class FlatCamera:
    """Paints every shot in its own colour; counts what it took."""

    taken: list[str] = field(default_factory=list)
    broken: frozenset[str] = frozenset()

    def take(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, np.ndarray | LikenessError]]:
        for job in jobs:
            self.taken.append(job.file_name)
            if job.file_name in self.broken:
                yield job, LikenessError("it broke", reason="not-rendered")
            else:
                yield job, np.full((40, 32, 3), job.shot.seed % 200, np.uint8)


def jobs(photos: int = 3, **changes: object) -> list[Job]:
    person = mia(yaw_deg=[0, 0], **changes)
    return [Job(person, shot) for shot in plan(person, photos=photos, seed=0)]


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_what_is_finished_is_not_rendered_again_and_bytes_repeat(tmp_path):
    first, again, elsewhere = FlatCamera(), FlatCamera(), FlatCamera()
    assert not any(one.reused for one in produce.produce(jobs(2), tmp_path / "a", first, Judge().gate()))
    before = files(tmp_path / "a")
    done = list(produce.produce(jobs(4), tmp_path / "a", again, Judge().gate()))
    assert again.taken == ["mia_03.jpg", "mia_04.jpg"]
    assert [one.reused for one in done] == [True, True, False, False]
    list(produce.produce(jobs(4), tmp_path / "b", elsewhere, Judge().gate()))
    assert before.items() <= files(tmp_path / "b").items()
    assert files(tmp_path / "a") == files(tmp_path / "b")


def test_another_trait_makes_the_photographs_again(tmp_path):
    camera = FlatCamera()
    list(produce.produce(jobs(2), tmp_path, FlatCamera(), Judge().gate()))
    list(produce.produce(jobs(2, eyes="green"), tmp_path, camera, Judge().gate()))
    assert camera.taken == ["mia_01.jpg", "mia_02.jpg"]


@pytest.mark.parametrize(
    ("judge", "reason"),
    [
        (Judge(score=0.5), "not-sfw"),
        (Judge(score=float("nan")), "not-sfw"),
        (Judge(found=[]), "no-face"),
        (Judge(found=[a_face(), a_face()]), "several-faces"),
        (Judge(found=[a_face(landmark_score=0.2)]), "face-not-intact"),
        (Judge(found=[a_face(yaw_deg=40)]), "face-turned"),
        (Judge(found=[a_face(yaw_deg=float("nan"))]), "face-turned"),
        (Judge(found=[a_face(box_px=(0.0, 0.0, 20.0, 90.0))]), "too-small"),
        (Judge(age=17.9), "looks-young"),
        (Judge(age=float("nan")), "looks-young"),
        (Judge(found=[a_face(sharpness=0.1)]), "blurred"),
    ],
)
def test_what_the_gate_refuses_is_not_written_and_does_not_stay(tmp_path, judge, reason):
    list(produce.produce(jobs(1), tmp_path, FlatCamera(), Judge().gate()))
    for wanted in (jobs(1), jobs(1, eyes="green")):  # one that was there, and one in its place
        (done,) = produce.produce(wanted, tmp_path, FlatCamera(), judge.gate())
        assert isinstance(done, Failed)
        assert done.error.reason == reason
        assert done.error.remedy
        assert files(tmp_path) == {}


def test_a_refused_photograph_is_taken_otherwise_and_kept(tmp_path):
    person = mia(yaw_deg=[0, 0])
    takes = [plan(person, photos=2, seed=1, take=take) for take in range(3)]
    wanted = [Job(person, first, tuple(others)) for first, *others in zip(*takes, strict=True)]
    assert len({job.digest for job in wanted} | {job.retake.digest for job in wanted}) == 4
    refused = {finish.decode(finish.finish(np.full((40, 32, 3), shot.seed % 200, np.uint8), "0")).mean().round()
               for shot in (takes[0][1], takes[1][1])}  # fmt: skip

    class Choosy(Judge):
        def explicit(self, rgb: np.ndarray) -> float:
            return 0.5 if rgb.mean().round() in refused else 0.01

    camera = FlatCamera()
    done = list(produce.produce(wanted, tmp_path, camera, Choosy().gate()))
    assert camera.taken == ["mia_01.jpg", "mia_02.jpg", "mia_02.jpg", "mia_02.jpg"]
    assert [(type(one), one.job.shot) for one in done] == [(Made, takes[0][0]), (Made, takes[2][1])]
    before, again = files(tmp_path), FlatCamera()
    assert all(one.reused for one in produce.produce(wanted, tmp_path, again, Choosy().gate()))
    assert again.taken == []
    assert files(tmp_path) == before
    refused.add(finish.decode(before["mia_02.jpg"]).mean().round())
    (_, failed) = produce.produce(wanted, tmp_path, again, Choosy().gate())
    assert isinstance(failed, Failed)
    assert sorted(files(tmp_path)) == ["mia_01.jpg"]


def test_one_broken_render_does_not_stop_the_others(tmp_path):
    camera = FlatCamera(broken=frozenset({"mia_02.jpg"}))
    done = list(produce.produce(jobs(3), tmp_path, camera, Judge().gate()))
    assert [type(one) for one in done] == [Made, Failed, Made]
    assert sorted(files(tmp_path)) == ["mia_01.jpg", "mia_03.jpg"]


def test_a_file_that_was_not_made_here_is_never_replaced(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "mia_01.jpg")
    before = files(tmp_path)
    with pytest.raises(ConfigError, match=r"was not made by tools\.synthetic_people") as caught:
        list(produce.produce(jobs(1), tmp_path, FlatCamera(), Judge().gate()))
    assert caught.value.reason == "not-ours"
    assert files(tmp_path) == before


def test_a_photograph_says_what_it_is():
    jpeg = finish.finish(np.full((40, 32, 3), 90, np.uint8), "ab" * 32)
    assert finish.is_ours(jpeg)
    assert finish.is_of(jpeg, "ab" * 32)
    assert not finish.is_of(jpeg, "cd" * 32)
    assert not finish.is_of(jpeg[:50], "ab" * 32)


@given(seed=st.integers(0, 10**6))
def test_every_stranger_is_a_clothed_adult(seed):
    endless = portraits.people_and_portraits(seed)
    identity, person, mood, portrait = next(endless)
    assert 30 <= person.age <= OLDEST_YEARS
    assert person.clothes
    assert identity == f"{seed}-0"
    assert portrait.file_name.endswith(".jpg")
    assert person.gender in portraits.caption(person, mood, portrait)


def test_portraits_repeat_for_a_seed():
    ours, theirs = (portraits.people_and_portraits(3) for _ in range(2))
    assert [next(ours) for _ in range(9)] == [next(theirs) for _ in range(9)]


def test_refusals_stop_portraits_that_never_pass(tmp_path, monkeypatch):
    def refuse(*_: object) -> bytes:
        raise InputError("no", reason="no-face")

    class NoPainter:
        def __init__(self, **_: object) -> None: ...
        def __enter__(self) -> "NoPainter":
            return self

        def __exit__(self, *_: object) -> None: ...

    monkeypatch.setattr(portraits, "_made", refuse)
    monkeypatch.setattr(portraits, "Painter", NoPainter)
    out = tmp_path / "out"
    with pytest.raises(InputError, match="in a row"):
        portraits.make(Data(tmp_path, tmp_path), out, Judge().gate(), count=5, seed=0, say=lambda line: None)
    assert not (out / "metadata.jsonl").exists()
    shutil.rmtree(out)
