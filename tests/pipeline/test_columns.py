"""A column of the manifest once written stays: every stage makes its line from the line before it."""

from collections.abc import Collection
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from likeness.caption.items import caption_entry
from likeness.dataset.build import Planned, manifest_entry
from likeness.dataset.select import Chosen
from likeness.enhance.items import enhanced_entry
from likeness.faces import Face, to_json
from likeness.marks.xmp import SourceType
from likeness.pipeline.manifest import Entry, FaceEntry
from likeness.resize.items import resized_entry
from likeness.safety.floors import IdentityLimits, ResnetLimits, SFaceLimits
from likeness.safety.identity import RESNET, SFACE
from likeness.swap.inputs import Photo
from likeness.swap.items import keep_entry, swap_entry

# What a stage may say anew of an image; every other column is carried on, whatever is added to Entry.
SAID_BY_EACH_STAGE = {"file", "sha256", "width", "height", "faces", "provider", "cost_usd", "parents", "pdq"}
TEXT = st.text(max_size=5)
SCORES = st.dictionaries(TEXT, st.floats(0, 1), max_size=3)
ONES = np.ones(128, np.float32) / np.sqrt(128, dtype=np.float32)
FACE = Face(
    box_px=(40.0, 30.0, 20.0, 30.0), score=0.9, points5=np.zeros((5, 2), np.float32),
    landmarks=np.zeros((468, 3), np.float32), embedding=ONES, yaw_deg=0.0, pitch_deg=0.0, roll_deg=0.0,
    sharpness=1.0, mouth_open=0.0, eyes_open=0.3, others={RESNET: ONES},
)  # fmt: skip
FACE_ENTRY = FaceEntry(box_px=FACE.box_px, score=0.9, yaw_deg=0, pitch_deg=0, sharpness=1, age_years=30)
CHOSEN = SimpleNamespace(
    persona={SFACE: ONES, RESNET: ONES},
    limits=IdentityLimits(sface=SFaceLimits(target_max=2), resnet=ResnetLimits(target_min=0)),
)
RUN = SimpleNamespace(
    persona=SimpleNamespace(name="jade"),
    provider=SimpleNamespace(name="local", neural=False),
    config=SimpleNamespace(
        ingest=SimpleNamespace(review_explicit=0.5, max_explicit=0.9), dataset=SimpleNamespace(side_px=160)
    ),
)


class WithColumn(Entry):
    """The manifest with one column more, which no stage has heard of."""

    weather: str | None = None


ENTRIES = st.builds(
    WithColumn, id=st.just("jade-s1"), file=st.just("a.png"), sha256=st.just("a"), width=st.just(100),
    height=st.just(100), source=st.just("s1"), target=st.none(), rating=st.sampled_from(["sfw", "review"]),
    faces=st.just((FACE_ENTRY,)), provider=st.just("local"), cost_usd=st.just(0.0), parents=st.just(("raw",)),
    scores=SCORES, origin=TEXT, held_out=st.booleans(), text=st.none() | TEXT, bucket_px=st.just((160, 160)), weather=TEXT,
)  # fmt: skip


def item(**record) -> SimpleNamespace:
    files = {
        name: SimpleNamespace(sha256=f"sha256 of {name}")
        for name in ("image.png", "image.jpg", "caption.txt")
    }
    return SimpleNamespace(files=files, record=record)


def photo(entry: Entry) -> Photo:
    return Photo(entry=entry, path=Path(entry.file), face=FACE, face_sha256="f")


def made_of(swapped: Entry) -> list[Entry]:
    """The lines of the stages after swap."""
    resized = resized_entry(
        swapped, item(box_px=[0, 0, 80, 80], size_px=[80, 80], bucket_px=[160, 160]), "resized.png"
    )
    enhanced = enhanced_entry(resized, item(size_px=[160, 160], cost_usd=0.02), "enhanced.jpg", "maxstudio")
    caption = caption_entry(enhanced, item(provider="grok", cost_usd=0.01, text="a photo"), "enhanced.txt")
    planned = Planned(
        chosen=Chosen(image=enhanced, caption=caption),
        code=SourceType.TRAINED,
        repeats=1,
        directory="train/1_a",
    )
    return [
        resized,
        enhanced,
        caption,
        manifest_entry(RUN, planned, item(width=160, height=160, pdq="0" * 64, explicit=0.1)),
    ]


def assert_carried(before: Entry, after: Entry, *, but: Collection[str] = ()) -> None:
    for column in type(before).model_fields.keys() - SAID_BY_EACH_STAGE - {*but, "scores"}:
        assert getattr(after, column) == getattr(before, column), column
    assert after.scores.items() >= before.scores.items()


@given(ENTRIES)
def test_all_that_ingest_says_of_an_own_photograph_is_still_there_in_the_dataset(entry):
    kept, _ = keep_entry("jade", photo(entry), item())
    assert_carried(entry, kept)
    for later in made_of(kept):
        assert_carried(entry, later, but={"text"})
    assert later.text == "a photo"


@given(ENTRIES)
def test_all_that_ingest_and_swap_say_of_a_pair_is_still_there_in_the_dataset(source):
    target = source.next(file="t.png", sha256="t", provider="local", id="jade-t1", source=None, target="t1")
    record = item(explicit=0.1, face=to_json(FACE), quality={"seam": 0.5})
    pair, _ = swap_entry(RUN, CHOSEN, photo(source), photo(target), record)
    assert pair.neural is False
    assert (pair.id, pair.source, pair.target) == ("jade-s1-t1", "s1", "t1")
    assert pair.scores.items() >= {"explicit": 0.1, "to_persona": 1.0, "to_target": 1.0}.items()
    assert (pair.weather, pair.origin) == (source.weather, source.origin)
    for later in made_of(pair):
        assert_carried(pair, later, but={"text"})


def test_a_stage_names_its_parent_and_cost_and_the_next_one_does_not_inherit_them():
    entry = WithColumn(
        id="jade-s1", file="a.png", sha256="a", width=1, height=1, source="s1", target=None, rating="sfw", faces=(),
        provider="grok", cost_usd=0.5, parents=("raw",),
    )  # fmt: skip
    after = entry.next(file="b.png", sha256="b", provider="pillow")
    assert (after.cost_usd, after.parents, after.provider) == (0.0, ("a",), "pillow")
    with pytest.raises(ValidationError, match="whether"):
        entry.next(file="b.png", sha256="b", provider="pillow", whether="fine")
