"""The faces of the synthetic people are found, placed, told apart and turned as they were photographed."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import PHOTOS

from likeness.faces import FaceAnalyzer, similarity
from likeness.faces.crop import FACE_TEMPLATE, FACE_TEMPLATE_SIDE_PX, similarity_transform, warp
from likeness.faces.detect import MAX_IOU, MIN_SCORE
from likeness.faces.face import Face
from likeness.faces.models import SFACE, YUNET, Pool, locate
from likeness.faces.stance import Models
from likeness.images import RGB, load_rgb
from likeness.ingest.decode import Limits, decode_photo

LIMITS = Limits(max_file_mb=50, max_megapixels=64, max_side_px=2048, background_rgb=(255, 255, 255))

YAW_DEG = {
    "sources/jade_01.jpg": 0, "sources/jade_02.jpg": -23, "sources/jade_03.jpg": 22, "sources/jade_04.jpg": 33,
    "sources/jade_05.jpg": -35, "sources/jade_08.png": -15, "others/amara.jpg": 16,
    "others/kofi.jpg": 10,
}  # fmt: skip
"""As the synthetic people were posed (their README and shots.json); positive to the image's right."""


@pytest.fixture(scope="module")
def analyzer() -> FaceAnalyzer:
    return FaceAnalyzer()


@pytest.fixture(scope="module")
def seen(analyzer: FaceAnalyzer) -> Callable[[Path], tuple[RGB, list[Face]]]:
    """A photograph and its faces; each is measured once for all tests here."""
    memory: dict[Path, tuple[RGB, list[Face]]] = {}

    def look(path: Path) -> tuple[RGB, list[Face]]:
        if path not in memory:
            rgb = decode_photo(path, LIMITS).rgb
            memory[path] = rgb, analyzer.faces(rgb)
        return memory[path]

    return look


@pytest.mark.slow
def test_each_portrait_has_one_face_and_the_extras_as_many_as_they_show(seen, synthetic_people):
    for path in [*(synthetic_people / "sources").iterdir(), *(synthetic_people / "targets").iterdir()]:
        assert len(seen(path)[1]) == 1, path.name
    counts = {"no_face.jpg": 0, "two_people.jpg": 2, "tiny_200px.jpg": 1, "blurred.jpg": 1}
    assert {name: len(seen(synthetic_people / "extras" / name)[1]) for name in counts} == counts


def test_faces_come_largest_first(seen, synthetic_people):
    first, second = seen(synthetic_people / "extras/two_people.jpg")[1]
    assert first.box_px[2] * first.box_px[3] >= second.box_px[2] * second.box_px[3]


def test_faces_that_are_too_small_are_not_measured(analyzer, seen, synthetic_people):
    rgb, (first, second) = seen(synthetic_people / "extras/two_people.jpg")
    least_px = (min(first.box_px[2:]) + min(second.box_px[2:])) / 2
    larger = max((first, second), key=lambda face: min(face.box_px[2:]))
    assert [face.box_px for face in analyzer.faces(rgb, least_px=least_px)] == [larger.box_px]


def test_a_face_without_an_embedding_is_the_same_face_and_compares_with_none(
    analyzer, seen, synthetic_people
):
    rgb, (face,) = seen(synthetic_people / "sources/jade_03.jpg")
    (bare,) = analyzer.faces(rgb, embed=False)
    assert bare.box_px == face.box_px
    assert np.array_equal(bare.landmarks, face.landmarks)
    with pytest.raises(ValueError, match="not aligned"):
        similarity(bare.embedding, face.embedding)


@pytest.mark.parametrize(("name", "yaw_deg"), YAW_DEG.items())
def test_yaw_is_that_of_the_pose(seen, synthetic_people, name, yaw_deg):
    (face,) = seen(synthetic_people / name)[1]
    assert face.yaw_deg == pytest.approx(yaw_deg, abs=8)


def test_a_mirrored_photo_turns_and_leans_the_other_way(analyzer, seen, synthetic_people):
    rgb, (face,) = seen(synthetic_people / "sources/jade_03.jpg")
    (mirrored,) = analyzer.faces(np.ascontiguousarray(rgb[:, ::-1]))
    assert mirrored.yaw_deg == pytest.approx(-face.yaw_deg, abs=3)
    assert mirrored.roll_deg == pytest.approx(-face.roll_deg, abs=2)
    assert mirrored.pitch_deg == pytest.approx(face.pitch_deg, abs=4)


def test_a_turned_photo_changes_roll_and_nothing_else(analyzer, seen, synthetic_people):
    rgb, (face,) = seen(synthetic_people / "sources/jade_03.jpg")
    height, width = rgb.shape[:2]
    clockwise = cv2.getRotationMatrix2D((width / 2, height / 2), -15, 1.0)
    (turned,) = analyzer.faces(cv2.warpAffine(rgb, clockwise, (width, height)))
    assert turned.roll_deg - face.roll_deg == pytest.approx(15, abs=2)
    assert turned.yaw_deg == pytest.approx(face.yaw_deg, abs=3)
    assert turned.pitch_deg == pytest.approx(face.pitch_deg, abs=4)


def test_jade_is_nearer_to_herself_than_to_anyone_else(seen, synthetic_people):
    jade = [seen(path)[1][0].embedding for path in sorted((synthetic_people / "sources").iterdir())]
    others = [seen(path)[1][0].embedding for path in sorted((synthetic_people / "targets").iterdir())]
    centroid = np.mean(jade, axis=0)
    assert min(similarity(one, centroid) for one in jade) > 0.85
    assert max(similarity(one, centroid) for one in others) < 0.80
    same = [similarity(a, b) for n, a in enumerate(jade) for b in jade[:n]]
    assert min(same) > 0.69
    assert np.mean(same) == pytest.approx(0.84, abs=0.02)


def test_embeddings_have_unit_length(seen, synthetic_people):
    _, (face,) = seen(synthetic_people / "sources/jade_01.jpg")
    assert np.linalg.norm(face.embedding) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("side_px", [300, 3600])
def test_size_of_the_photo_changes_neither_place_nor_identity(analyzer, seen, synthetic_people, side_px):
    rgb, (face,) = seen(synthetic_people / "sources/jade_01.jpg")
    scale = side_px / max(rgb.shape[:2])
    size = (round(rgb.shape[1] * scale), round(rgb.shape[0] * scale))
    (found,) = analyzer.faces(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA))
    eyes_px = np.linalg.norm(face.points5[0] - face.points5[1])
    moved = np.linalg.norm(found.landmarks[:, :2] / scale - face.landmarks[:, :2], axis=1)
    assert moved.mean() < 0.03 * eyes_px
    assert similarity(found.embedding, face.embedding) > 0.85


@pytest.mark.parametrize("margin", [0.0, 0.5])
def test_a_face_that_fills_a_large_photo_is_one_face(analyzer, seen, synthetic_people, margin):
    rgb, (face,) = seen(synthetic_people / "sources/jade_07.jpg")
    x, y, width, height = face.box_px
    low_x, low_y = max(0, int(x - margin * width)), max(0, int(y - margin * height))
    crop = rgb[low_y : int(y + height * (1 + margin)), low_x : int(x + width * (1 + margin))]
    scale = 1800 / max(crop.shape[:2])
    (found,) = analyzer.faces(cv2.resize(crop, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC))
    assert found.box_px[3] == pytest.approx(height * scale, rel=0.15)
    assert found.landmark_score > 0.5


def test_landmarks_lie_in_the_face_and_agree_with_the_points(seen, synthetic_people):
    _, (face,) = seen(synthetic_people / "sources/jade_01.jpg")
    assert face.landmark_score > 0.9
    right_eye, left_eye = face.landmarks[[33, 133], :2].mean(0), face.landmarks[[263, 362], :2].mean(0)
    eyes_px = np.linalg.norm(face.points5[0] - face.points5[1])
    for ours, yunet in ((right_eye, face.points5[0]), (left_eye, face.points5[1])):
        assert np.linalg.norm(ours - yunet) < 0.15 * eyes_px
    assert face.landmarks[1, 2] < face.landmarks[[234, 454], 2].min()  # the nose is nearer than the ears


def test_an_open_mouth_measures_more_than_a_closed_one(seen, synthetic_people):
    (closed,), (laughing,) = (
        seen(synthetic_people / "sources" / name)[1] for name in ("jade_01.jpg", "jade_04.jpg")
    )
    assert closed.mouth_open < 0.06 < 0.12 < laughing.mouth_open
    assert 0.15 < closed.eyes_open < 0.45


def test_the_same_pixels_give_the_same_face_from_a_fresh_analyzer(seen, synthetic_people):
    rgb, (face,) = seen(synthetic_people / "targets/01_hana.jpg")
    (again,) = FaceAnalyzer().faces(rgb)
    np.testing.assert_array_equal(again.landmarks, face.landmarks)
    np.testing.assert_array_equal(again.embedding, face.embedding)
    assert (again.box_px, again.sharpness, again.yaw_deg) == (face.box_px, face.sharpness, face.yaw_deg)


def test_all_analyzers_of_a_process_share_the_models(monkeypatch):
    loaded: list[Models] = []

    def load() -> Models:
        loaded.append(Models())
        return loaded[-1]

    monkeypatch.setattr("likeness.faces.analyzer._MODELS", Pool(load))
    for _ in range(2):
        FaceAnalyzer().faces(np.zeros((64, 64, 3), np.uint8))
    assert len(loaded) == 1


@pytest.mark.parametrize("shape", [(1, 1), (3, 500), (16, 16), (12, 3000)])
def test_the_smallest_pictures_have_no_face(analyzer, shape):
    assert analyzer.faces(np.full((*shape, 3), 128, np.uint8)) == []


def test_boxes_points_and_embeddings_are_opencvs_own():
    """OpenCV runs the same files; its boxes lie within the size that is looked at, a multiple of 32 px or not."""
    rgb = cv2.resize(load_rgb(PHOTOS / "extras/two_people.jpg"), (333, 410), interpolation=cv2.INTER_AREA)
    bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
    _, rows = cv2.FaceDetectorYN.create(str(locate(YUNET)), "", (333, 410), MIN_SCORE, MAX_IOU).detect(bgr)
    sface = cv2.FaceRecognizerSF.create(str(locate(SFACE)), "")
    faces = FaceAnalyzer().faces(rgb, (410,))
    rows = rows[np.argsort(-rows[:, 2] * rows[:, 3])]
    assert len(faces) == len(rows) == 2
    for face, row in zip(faces, rows, strict=True):
        assert [*face.box_px, *face.points5.ravel()] == pytest.approx(row[:14], abs=2e-4)
        assert face.score == pytest.approx(row[14], abs=2e-6)
        crop = warp(bgr, similarity_transform(face.points5, FACE_TEMPLATE), FACE_TEMPLATE_SIDE_PX)
        feature = sface.feature(crop)[0]
        assert face.embedding_length == pytest.approx(float(np.linalg.norm(feature)), abs=2e-5)
        assert face.embedding == pytest.approx(feature / np.linalg.norm(feature), abs=2e-6)
