"""Faces: detection, landmarks, identity embedding and measurements, all local, all on CPU."""

from likeness.faces.analyzer import FaceAnalyzer
from likeness.faces.face import Face, from_json, similarity, to_json
from likeness.faces.models import MODELS_DIGEST

FACES_VERSION = 3
"""Raised whenever the same pixels would give another `Face`; part of item keys."""

__all__ = ["FACES_VERSION", "MODELS_DIGEST", "Face", "FaceAnalyzer", "from_json", "similarity", "to_json"]
