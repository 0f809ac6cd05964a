"""Metrics and honest words."""

import json

import numpy as np

from likeness.evaluate.evaluation import (
    GROUPS,
    MOST_PHOTOGRAPHS,
    CheckpointScore,
    Faces,
    Person,
    best_checkpoint,
    details,
    flat_metrics,
    identities,
    notes,
)
from likeness.evaluate.identity import FaceEmbedding

FACE = np.array([1.0, 0.0], np.float32)


def scored(**faces: Faces):
    empty = {name: Faces(images=0, embeddings=[]) for name in (*GROUPS, "sources")}
    return identities({**empty, **faces})


def found(*names: str, images: int | None = None) -> Faces:
    return Faces(
        images=len(names) if images is None else images,
        embeddings=[FaceEmbedding(id=name, embedding=FACE, yaw_deg=5.0) for name in names],
    )


def test_of_many_photographs_so_many_are_compared_evenly_from_all_of_them():
    names = [f"s{number}" for number in range(2 * MOST_PHOTOGRAPHS)]
    sets = {"held_out": found("h"), "sources": found(*names), "targets": found(*names[:3])}
    person = Person.of(sets)
    assert [face.id for face in person.others] == names[::2]
    assert ([face.id for face in person.references], len(person.strangers)) == (["h"], 3)
    # Without held-out ones they are the references, for the scores by image, too.
    assert [face.id for face in Person.of(sets | {"held_out": found()}).references] == names[::2]


def test_metrics_are_flat_numbers_or_null():
    flat = flat_metrics(scored(held_out=found("h"), swaps=found("a", "b")), lora_effect=2.5, refused=1)
    assert flat["identity_swaps"] == 1.0
    assert flat["identity_samples_with"] is None
    assert flat["lora_effect"] == 2.5
    assert flat["samples_refused"] == 1
    assert all(value is None or isinstance(value, int | float) for value in flat.values())


def test_no_face_in_the_samples_is_said_and_not_scored():
    scores = scored(held_out=found("h"), samples_with=found(images=8))
    (note,) = notes(scores, lora_effect=2.0)
    assert "No face was found in the 8 samples" in note


def test_a_lora_without_effect_and_no_held_out_photograph_are_said():
    said = " ".join(notes(scored(samples_with=found("a", images=2)), lora_effect=0.0))
    assert "changed no pixel" in said
    assert "held_out" in said
    assert "1 of the 2 samples" in said


def test_details_are_json():
    scores = scored(held_out=found("h"), samples_with=found("x"))
    data = json.loads(
        json.dumps(
            details(
                scores,
                [{"id": "x"}],
                [CheckpointScore(step=5, strength=1.0, images=2, faces=1, similarity=0.5)],
                {"references": {"held_out": True}},
                lora_effect=1.0,
            )
        )
    )
    assert data["groups"]["samples_with"]["by_image"] == {"x": 1.0}
    assert data["samples"] == [{"id": "x"}]
    assert data["checkpoints"] == [{"step": 5, "strength": 1.0, "images": 2, "faces": 1, "similarity": 0.5}]


def test_the_best_step_draws_faces_as_often_as_any_and_is_most_alike():
    scores = [
        CheckpointScore(step=step, strength=1.0, images=4, faces=faces, similarity=similarity)
        for step, faces, similarity in [
            (100, 2, 0.9),
            (200, 4, 0.5),
            (300, 4, 0.7),
            (400, 4, 0.7),
            (500, 0, None),
        ]
    ]
    assert best_checkpoint(scores) == scores[2]
    assert best_checkpoint([]) is None
    assert best_checkpoint(scores[-1:]) is None
