"""A synthetic person for tests of tools.synthetic_people."""

import numpy as np

from likeness.faces import Face
from tools.synthetic_people.traits import Person

MIA = {
    "name": "mia",
    "gender": "woman",
    "age": 33,
    "skin": {"tone": "light"},
    "hair": {"style": "long", "colour": "brown"},
    "clothes": [{"garment": "t-shirt", "colour": "teal"}, {"garment": "jacket"}],
}


def mia(**changes: object) -> Person:
    return Person.model_validate({**MIA, **changes})


def a_face(yaw_deg: float = 0, **changes: object) -> Face:
    vector = np.full(128, 128**-0.5, np.float32)
    fields = {"box_px": (10.0, 10.0, 200.0, 200.0), "score": 0.9, "points5": np.zeros((5, 2), np.float32),
              "landmarks": np.zeros((468, 3), np.float32), "embedding": vector, "yaw_deg": yaw_deg, "pitch_deg": 0.0,
              "roll_deg": 0.0, "sharpness": 0.9, "mouth_open": 0.0, "eyes_open": 0.3}  # fmt: skip
    return Face(**{**fields, **changes})
