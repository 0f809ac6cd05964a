"""The traffic light of a training set: each measure sees what it is made for, and no more."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from likeness.dataset.quality import TrainingSet
from likeness.dataset.quality.measures import MEASURES, readings, to_mend, worst
from likeness.digests import sha256_bytes
from likeness.pipeline.manifest import Entry, FaceEntry, Manifest

LOOKS = [
    ("close-up photo, facing the camera, smiling, bright light, plain white background", -30.0, 0.6, 0.02),
    ("head and shoulders photo, turned to the left, even light, blurred green background", 0.0, 0.4, 0.10),
    ("upper body photo, turned to the right, side light from the left, brown background", 30.0, 0.2, 0.16),
    ("full body photo, facing the camera, neutral expression, dim light, blue background", 5.0, 0.1, 0.05),
]


def image(number, text, yaw, share, mouth, *, target=None, sharpness=0.6):
    face = FaceEntry(
        box_px=(10, 10, 100 * share, 100 * share), score=0.9, yaw_deg=yaw, pitch_deg=0, sharpness=sharpness,
        age_years=30, mouth_open=mouth,
    )  # fmt: skip
    return Entry(
        id=f"jade-s{number}", file=f"{number}.jpg", sha256=str(number), width=100, height=100, source=f"s{number}",
        target=target, rating="sfw", faces=(face,), provider="x", cost_usd=0, parents=(), text=f"jade woman, {text}",
        pdq=sha256_bytes(str(number).encode()),
    )  # fmt: skip


def good(count=16):
    return [image(n, *LOOKS[n % 4]) for n in range(count)]


def training_set(images, *, class_word="woman", shows=(), enlarged=None):
    return TrainingSet(
        images=images, enlarged=enlarged or [1.0 for _ in images], trigger="jade", class_word=class_word,
        shows=dict(shows),
    )  # fmt: skip


def lights(found):
    return {one.words: one.light for one in readings(found)}


def with_text(one, text):
    return one.model_copy(update={"text": text})


def test_a_varied_set_of_own_photographs_is_green():
    found = lights(training_set(good()))
    assert {words: light for words, light in found.items() if light != "green"} == {
        "images of one target photograph": "unknown",  # there is none
        "bodies that the class word contradicts": "unknown",  # no caption says
    }
    assert worst(readings(training_set(good()))) == "green"


def each(**changes):
    return lambda images: [one.model_copy(update=changes) for one in images]


def said(text):
    """Captions of this text, with a word of each image's own where it has braces."""
    return lambda images: [with_text(one, text.format(one.id[5:])) for one in images]


def seen_as(*, yaw=None, share=None, mouth=None):
    def change(images):
        looks = [LOOKS[number % 4] for number in range(len(images))]
        values = [(text, *(own if given is None else given for own, given in zip(rest, (yaw, share, mouth), strict=True)))
                  for text, *rest in looks]  # fmt: skip
        return [image(number, *one) for number, one in enumerate(values)]

    return change


BAD = {
    "images": lambda images: images[:5],
    "photographs of the person": each(target="t1"),
    "swapped images": each(target="t1"),
    "faces that are not sharp": lambda images: [image(n, *LOOKS[n % 4], sharpness=0.36) for n in range(16)],
    "views of the head (of left, front, right)": seen_as(yaw=0.0),
    "framings (of close-up, shoulders, body, figure)": seen_as(share=0.4),
    "spread of the mouth's opening": seen_as(mouth=0.05),
    "images of one source photograph": each(source="s1"),
    "images of one target photograph": each(target="t1"),
    "images that look like another one": each(pdq="0f" * 32),
    "commonest background in captions": said("jade woman, {}, plain grey background"),
    "commonest light in captions": said("jade woman, {}, even light"),
    "commonest opening of captions": said("jade woman, head and shoulders photo of her now"),
    "captions without the trigger": said("a woman, {}"),
    "captions with a fused trigger": said("jadewoman, {}"),
    "captions that contradict themselves": said("jade woman, smiling, neutral expression"),
    "bodies that the class word contradicts": said("jade woman, {}, a man with a beard"),
}


@pytest.mark.parametrize("words", BAD)
def test_each_measure_turns_red_by_what_it_measures(words):
    assert lights(training_set(BAD[words](good())))[words] == "red"


LONG = "captions of more than 75 words and marks"


def test_every_measure_has_such_a_set_but_enlargement_and_what_harms_some_bases_alone():
    assert {measure.words for measure in MEASURES} - set(BAD) == {"enlarged images", LONG}


@pytest.mark.parametrize(("words", "light"), [(70, "green"), (71, "amber")])  # of five more
def test_long_captions_are_told_and_are_red_for_no_set(words, light):
    assert lights(training_set(said(f"jade woman, {'very ' * words}{{}}.")(good())))[LONG] == light


@pytest.mark.parametrize(
    ("words", "light"),
    [
        ("head turned to the left, body turned to the right", "green"),
        ("facing the camera, shoulders turned slightly to the left", "green"),
        ("turned to the left, a window to the right", "green"),
        ("head turned to the left, looking to the right", "green"),
        ("head turned slightly to the left, head turned to the right", "red"),
        ("turned to the left, in profile facing right", "red"),
        ("facing the camera, head turned to the left", "red"),
        ("facing the camera, head turned slightly to the left", "red"),
        ("unsmiling, neutral expression", "green"),
        ("not smiling, neutral expression", "green"),
        ("smiling broadly, neutral expression", "red"),
    ],
)
def test_only_what_is_said_of_the_head_twice_contradicts_itself(words, light):
    found = lights(training_set(said(f"jade woman, {words}, {{}}")(good())))
    assert found["captions that contradict themselves"] == light


def test_a_picture_repeats_an_earlier_one_from_few_bits_apart_on():
    def share(*hashes: str) -> str:
        images = [
            one.model_copy(update={"pdq": pdq}) for one, pdq in zip(good(len(hashes)), hashes, strict=True)
        ]
        found = readings(training_set(images))
        return next(one.value for one in found if one.words == "images that look like another one")

    zeros, near, far = "0" * 64, "1" * 31 + "0" * 33, "1" * 32 + "0" * 32
    assert share(zeros, near) == "50 %"
    assert share(zeros, far) == "0 %"
    assert share(zeros, zeros, near, far) == "75 %"  # far is one bit from near
    assert share(zeros) == "not known"


def test_enlargement_is_read_from_the_manifests():
    images, factors = good(4), (1.0, 1.0, 1.8, 2.0)
    crops = [
        one.model_copy(update={"width": round(100 / factor)})
        for one, factor in zip(images, factors, strict=True)
    ]
    shown = SimpleNamespace(photos={"ben.jpg": SimpleNamespace(shows="ben, a synthetic man")})
    ben = images[0].model_copy(update={"target": "t1", "source": None, "origin": "ben.jpg"})
    before = {"ingested": Manifest((ben,), ()), "resized": Manifest(tuple(crops), ())}
    found = TrainingSet.of(images, before, SimpleNamespace(targets=shown), "jade", "woman")
    assert found.shows == {"t1": "ben, a synthetic man"}
    assert lights(found)["enlarged images"] == "amber"
    assert next(one for one in readings(found) if one.words == "enlarged images").value == "50 %"
    nobody = TrainingSet.of(images, before, SimpleNamespace(targets=None), "jade", "woman")
    assert nobody.shows == {}


def test_a_man_in_the_record_contradicts_a_woman_and_no_class_word_of_neither():
    images = [one.model_copy(update={"target": f"t{n % 2}"}) for n, one in enumerate(good())]
    shows = {"t0": "ben, a synthetic man", "t1": "mei, a synthetic woman"}

    def body(**changes):
        found = readings(training_set(images, shows=shows, **changes))
        return next(one for one in found if one.words.startswith("bodies"))

    assert (body().value, body().light) == ("50 %", "red")
    assert body(class_word="man").value == "100 %"  # the captions still say woman
    assert body(class_word="person").light == "unknown"
    assert body(class_word="young woman").light == "red"


@pytest.mark.parametrize(
    ("text", "light"),
    [
        ("jade woman, wearing a light {} shirt, even light", "red"),
        ("jade woman, wearing light grey, soft light from the window, number {}", "red"),
        ("jade woman, in a room of {}, sunlight", "red"),
        ("jade woman, wearing a light {} shirt, with light brown hair", "unknown"),
    ],
)
def test_a_light_colour_is_no_light(text, light):
    colours = ("blue", "green", "grey", "pink", "brown", "yellow", "orange", "red")
    images = [with_text(one, text.format(colours[n % 8])) for n, one in enumerate(good())]
    assert lights(training_set(images))["commonest light in captions"] == light


def test_light_from_a_side_is_no_turn_to_it_and_words_in_words_do_not_count():
    calm = [with_text(one, "jade woman, turned to the right, side light from the left") for one in good()]
    assert lights(training_set(calm))["captions that contradict themselves"] == "green"
    other = [with_text(one, "jade woman, the shepherd, a human, therefore") for one in good()]
    assert lights(training_set(other))["bodies that the class word contradicts"] == "unknown"


def test_nothing_is_known_of_an_empty_set_and_it_is_red():
    found = readings(training_set([]))
    assert worst(found) == "red"
    assert {one.light for one in found if one.words not in ("images", "photographs of the person")} == {
        "unknown"
    }


def test_what_is_worst_comes_first():
    few = readings(training_set(BAD["captions without the trigger"](good(10))))
    mend = to_mend(few)
    assert [one.light for one in mend] == sorted((one.light for one in mend), reverse=True)
    assert all(one.advice for one in mend)
    assert all(not one.advice for one in few if one.light == "green")


def test_framings_that_training_cuts_away_are_not_counted():
    found = readings(replace(training_set(good()), cut_to_face=True))
    (framing,) = (one for one in found if "framing" in one.words)
    assert (framing.light, framing.value) == ("unknown", "one: training cuts to the face")
    assert len(found) == len(MEASURES)
    assert worst(found) == "green"
