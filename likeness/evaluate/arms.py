"""Four ways to draw a person, compared: the base, the base with a reference picture, with the LoRA, with both.

A reference picture costs no training. Whether the LoRA is worth its hours is what it reaches beyond that, by the same prompts,
seeds and embedders. Read the copying beside the likeness: what draws after a picture can repeat it.
"""

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any

import numpy as np

from likeness.dataset.door import untraced
from likeness.diffusion.reference import Reference, find_adapter
from likeness.errors import InputError
from likeness.evaluate import Arm, EvaluateConfig
from likeness.evaluate.adherence import adherence, share_followed
from likeness.evaluate.ceiling import Scale, described_set
from likeness.evaluate.copying import copying
from likeness.evaluate.embedders import Embedder
from likeness.evaluate.evaluation import Person
from likeness.evaluate.face_embeddings import faces_of, ingested_faces
from likeness.evaluate.measures import Seen
from likeness.lazy import ByName, Index, Lazy, those
from likeness.pipeline.batch import Outcome
from likeness.pipeline.manifest import Entry
from likeness.pipeline.verified import Picture, read_verified
from likeness.run import Run

WORDS: Mapping[Arm, str] = {
    "base": "the base alone",
    "reference": "the base after a photograph",
    "lora": "with the LoRA",
    "both": "with the LoRA, after a photograph",
}


AT_ONCE = 512
"""Photographs that are compared with all others at once."""


def reference_picture(run: Run) -> Reference | None:
    """The training image of that photograph whose face is likest to the persona's other ones; None where no arm asks for it.

    A training image: it passes the door that the trained ones pass, has the size that is drawn, and copies of it are looked for
    anyway.

    Raises:
        InputError: none of the persona's own photographs is in the training set, or it was laid there by hand.
        ConfigError: the IP-Adapter's files are missing.
    """
    options, paths = run.config.evaluate, run.paths
    if not options.reference_arms:
        return None
    ingested = read_verified(paths.ingested).entries
    learned = those(ingested, lambda photo: photo.source and not photo.held_out)
    photographs = ByName(learned, lambda photo: str(photo.source))
    own = those(
        read_verified(paths.lora_training).entries,
        lambda one: one.target is None and one.rating == "sfw" and one.source in photographs,
    )
    if not own:
        raise InputError(
            f"evaluate.arms: none of {run.persona.name}'s own photographs is in the training set to draw after",
            reason="no-reference",
            remedy="set swap.include_sources: true, or leave reference and both out of evaluate.arms",
        )
    of_own = Lazy(len(own), lambda number: photographs[own[number].source or ""])
    vectors = np.stack([face.embedding for face in ingested_faces(of_own, paths.ingested).embeddings])
    sums = [
        (vectors[begin : begin + AT_ONCE] @ vectors.T).sum(axis=1) for begin in range(0, len(own), AT_ONCE)
    ]
    chosen: Entry = own[int(np.argmax(np.concatenate(sums)))]
    adapter = None
    if options.ip_adapter is not None:
        adapter = find_adapter(options.ip_adapter, run.repository.root, run.repository.digests)
    picture = Picture(chosen, paths.lora_training / chosen.file)
    seen = run.measurements().of(picture.data(), name=chosen.file)
    known = Index(learned, attrgetter("parents"))
    wrong = untraced(chosen, known, run.consent)
    run.refuse_picture("training image", seen, what=chosen.file, untraced=wrong)
    return Reference(rgb=picture.rgb(), sha256=chosen.sha256, adapter=adapter)


def compared_arms(
    options: EvaluateConfig, seen: Seen, found: Mapping[str, Outcome], by: Sequence[Embedder]
) -> list[dict[str, Any]]:
    """What each arm reaches, as JSON values; empty where no arm has a reference picture.

    Args:
        seen: `planned` holds the written pictures of all arms.
        found: the faces of the written pictures, by id.
    """
    if not options.reference_arms:
        return []
    person = Person.of(seen.sets)
    scales = [Scale(one, person, false_accept_rate=options.false_accept_rate) for one in by]
    rows: list[dict[str, Any]] = []
    for arm in options.arms:
        planned = [one for one in seen.planned if one.arm == arm and one.prompt in seen.named]
        faces = faces_of([found[one.id] for one in planned])
        copies = copying(person, seen.trained_faces, faces.embeddings, seen.trained, seen.looks, planned)
        described = [(scale.embedder, described_set(scale, faces, planned)) for scale in scales]
        rows.append(
            {
                "arm": arm,
                "words": WORDS[arm],
                "embedders": [{"key": one.key, "label": one.label, **figures} for one, figures in described],
                "faces": len(faces.embeddings),
                "of": faces.images,
                "adherence": share_followed(adherence(planned, seen.looks, seen.unjudged)),
                "copied": copies["copied"],
                "copy": copies["mean"]["value"],
                "pictures": [vars(one) | {"file": one.file} for one in planned],
            }
        )
    return rows


def flat_arms(rows: Sequence[Mapping[str, Any]]) -> dict[str, float | None]:
    """The shares of the ceiling that metrics.json has of the arms with a reference picture."""
    return {
        f"{one['key']}_share_{row['arm']}": one["share"]["value"]
        for row in rows
        if row["arm"] in ("reference", "both")
        for one in row["embedders"]
    }
