"""Units of work: a pair's swap, and a source photo that goes down the same way; their keys and manifest lines."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from likeness.errors import InputError
from likeness.faces import Face, from_json, to_json
from likeness.faces.age import AgeEstimator
from likeness.images import RGB, TELL_ITS_AUTHOR, encode_png, handed_over
from likeness.lazy import Lazy
from likeness.paths import image_name, item_id
from likeness.pipeline.batch import Line, Made, Work
from likeness.pipeline.face_entry import face_entry
from likeness.run import Run
from likeness.safety.embedder import EmbedderConfig
from likeness.safety.gates import SeenFace, Subject, rating, refuse, worst
from likeness.safety.identity import face_analyzer, vectors_of
from likeness.safety.pictures import models
from likeness.safety.postcondition import (
    Measured,
    judge_place,
    judge_swap,
    measure_swap,
    refuse_other_picture,
)
from likeness.safety.rating import Rater
from likeness.store.items import Item, Json, StoredFile
from likeness.store.keys import item_key
from likeness.swap import Swapper
from likeness.swap.choice import Chosen
from likeness.swap.inputs import Photo
from likeness.swap.quality import judge_quality, quality, refuse_second_mouth

# Raised when the same pair and provider would give another item (the provider has a version of its own).
VERSION, KEEP_VERSION = 5, 2
IMAGE = "image.png"


def swap_key(
    source: Photo,
    target: Photo,
    *,
    identity: dict[str, Json],
    max_explicit: float,
    embedder: EmbedderConfig | None = None,
) -> str:
    """The key of a pair's swap.

    It holds what decides pixels and measurements. The persona's embedding and the thresholds are not in it: one
    source photo more changes the embedding, and must not swap everything again.
    """
    # Without the version of what is measured at doors: this stage measures one face.
    decide = models(embedder)[1:]
    settings: dict[str, Json] = {"provider": identity, "models": decide, "max_explicit": max_explicit}
    return item_key("swap", VERSION, settings, [*source.digests, *target.digests])


def keep_key(source: Photo) -> str:
    """The key of a source photo that goes down the same way."""
    return item_key("keep", KEEP_VERSION, {}, [source.entry.sha256])


def _keep_work(persona: str, source: Photo) -> Work:
    """One of the persona's own photographs, unchanged: ingest has checked it."""
    key, size = keep_key(source), source.path.stat().st_size
    file = StoredFile("", source.entry.sha256, size, beside=str(source.path))
    return Work(
        id=item_id(persona, source.entry.source, None),
        key=key,
        make=lambda: Made(files={IMAGE: source.data()}, record={}),
        source=source.entry.source,
        line=partial(keep_entry, persona, source),
        foreseen=Item(key, {IMAGE: file}),
    )


def works(run: Run, chosen: Chosen, swapper: Swapper | None = None) -> Sequence[Work]:
    """The stage's work: the persona's own photographs, and one swap a pair; without a swapper it can only be looked up."""
    persona, provider = run.persona.name, run.provider
    key_of = partial(
        swap_key,
        identity=provider.identity(),
        max_explicit=run.config.ingest.max_explicit,
        embedder=run.embedder,
    )
    analyzer, ages, rater = face_analyzer(run.embedder), AgeEstimator(), Rater()
    measure = partial(measure_swap, analyzer=analyzer, ages=ages, rater=rater)

    def work(number: int) -> Work:
        if number < len(chosen.kept):
            return _keep_work(persona, chosen.sources[chosen.kept[number]])
        one, other = chosen.pairs[number - len(chosen.kept)]
        source, target = chosen.sources[one], chosen.targets[other]
        return Work(
            id=(pair := item_id(persona, one, other)),
            key=key_of(source, target),
            make=partial(_swap, pair, source, target, swapper, measure),
            source=one,
            target=other,
            judge=partial(_judge, run, chosen, target),
            line=partial(swap_entry, run, chosen, source, target),
            order=partial(provider.purchase_key, source.pixels_sha256, target.pixels_sha256, target.face),
        )

    return Lazy(len(chosen.kept) + len(chosen.pairs), work)


def swap_entry(run: Run, chosen: Chosen, source: Photo, target: Photo, item: Item) -> Line:
    """A swap's manifest line: rated as the worst of both photos and the result."""
    record, face = item.record, from_json(item.record["face"])
    limits, name = run.config.ingest, run.persona.name
    own = rating(record["explicit"], review_explicit=limits.review_explicit, max_explicit=limits.max_explicit)
    word = worst(source.entry.rating, target.entry.rating, own)
    file = image_name(name, source.entry.source, target.entry.target, word, "swapped", "png")
    entry = source.entry.next(
        file=file,
        sha256=item.files[IMAGE].sha256,
        provider=run.provider.name,
        neural=run.provider.neural,
        id=item_id(name, source.entry.source, target.entry.target),
        width=target.entry.width,
        height=target.entry.height,
        target=target.entry.target,
        rating=word,
        faces=(face_entry(face),),
        cost_usd=float(record.get("cost_usd", 0.0)),
        parents=(source.entry.sha256, target.entry.sha256),
        roots=source.entry.roots | target.entry.roots,
        scores={**_scores(chosen, face, target), "explicit": record["explicit"], **record["quality"]},
        replaced=source.entry.replaced or target.entry.replaced,
    )
    return entry, {file: IMAGE}


def keep_entry(persona: str, source: Photo, item: Item) -> Line:
    """The manifest line of a source photo that goes down the same way, with what is known of the face that is meant."""
    name = image_name(persona, source.entry.source, None, source.entry.rating, "swapped", "png")
    first = [face_entry(source.face, age_years=face.age_years) for face in source.entry.faces[:1]]
    entry = source.entry.next(
        file=name,
        sha256=item.files[IMAGE].sha256,
        provider="none",
        faces=(*first, *source.entry.faces[1:]),
    )
    return entry, {name: IMAGE}


def _judge(run: Run, chosen: Chosen, target: Photo, record: Mapping[str, Json]) -> None:
    """Refuse a swap that does not stand up to the run's limits."""
    face = from_json(record["face"])
    judge_place(face, target.face)
    _scores(chosen, face, target)
    judge_quality(record["quality"], run.config.swap.quality)
    # Only of a face that is the persona's does the record attest an age.
    seen = SeenFace(
        side_px=min(face.box_px[2:]),
        age_years=record["age_years"],
        attested_years=run.consent.adult.age_years,
        whose=run.persona.name,
    )
    subject = Subject(explicit=record["explicit"], max_explicit=run.config.ingest.max_explicit, faces=[seen])
    refuse("swap", subject, what="the result")


def _scores(chosen: Chosen, face: Face, target: Photo) -> dict[str, float]:
    theirs = vectors_of(target.face)
    return judge_swap(vectors_of(face), persona=chosen.persona, target=theirs, limits=chosen.limits)


def _swap(
    item: str, source: Photo, target: Photo, swapper: Swapper | None, measure: Callable[[RGB, Face], Measured]
) -> Made:
    assert swapper is not None, "a plan makes nothing"
    shown = target.portrait()
    swapped = swapper.swap(source.portrait(), shown, item=item)
    rgb = handed_over(swapped.rgb, who="the swapper")
    if rgb.shape != shown.rgb.shape:
        raise InputError(
            "the swapper gave an image of another size than the target's",
            reason="bad-result",
            remedy=TELL_ITS_AUTHOR,
        )
    refuse_other_picture(rgb, shown.rgb, target.face)
    measured = measure(rgb, target.face)
    refuse_second_mouth(rgb, measured.face, shown)
    record: dict[str, Json] = {
        "explicit": round(measured.explicit, 4),
        "face": to_json(measured.face),
        "age_years": round(measured.age_years, 1),
        "cost_usd": swapped.cost_usd,
        "quality": quality(rgb, shown),
    }
    return Made(files={IMAGE: encode_png(rgb)}, record=record)
