"""Ages are what the network's authors' own geometry would see, whatever the size of the photo."""

import cv2
import numpy as np
import pytest

from likeness.faces import FaceAnalyzer
from likeness.faces.age import BIN_YEARS, AgeEstimator
from likeness.images import load_rgb


@pytest.fixture(scope="module")
def analyzer() -> FaceAnalyzer:
    return FaceAnalyzer()


@pytest.mark.parametrize("name", ["sources/jade_01.jpg", "targets/06_ingrid.jpg", "targets/04_adaeze.jpg"])
def test_large_adult_faces_read_as_adults(analyzer, synthetic_people, name):
    rgb = load_rgb(synthetic_people / name)
    assert 18 < AgeEstimator().years(rgb, analyzer.faces(rgb)[0]) < 45


def test_age_depends_little_on_the_size_of_the_photo(analyzer, synthetic_people):
    rgb = load_rgb(synthetic_people / "sources/jade_01.jpg")
    small = cv2.resize(rgb, None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA)
    ages = [AgeEstimator().years(picture, analyzer.faces(picture)[0]) for picture in (rgb, small)]
    assert abs(ages[0] - ages[1]) < 4


def test_the_same_face_has_the_same_age_twice(analyzer, synthetic_people):
    rgb = load_rgb(synthetic_people / "targets/01_hana.jpg")
    face = analyzer.faces(rgb)[0]
    assert AgeEstimator().years(rgb, face) == AgeEstimator().years(rgb, face)


def test_there_is_a_bin_for_every_year_to_eighty():
    assert len(BIN_YEARS) == 81
    assert np.all(np.diff(BIN_YEARS) > 0)
    assert BIN_YEARS[-1] == 80
