"""The face in an image, found once."""

import numpy as np
from known_faces import analyzer, known_face
from persona_folders import entry

from likeness.evaluate.face_embeddings import SEARCHED_SIDE_PX, Finder, face_work, faces_of
from likeness.images import encode_jpeg
from likeness.pipeline.batch import run_batch
from likeness.safety.identity import RESNET

FACE = known_face((0.6, 0.8), yaw_deg=-12.345, resnet=(0.8, 0.6))


def written(folder, name, value):
    rgb = np.full((20, 10, 3), value, np.uint8)
    data = encode_jpeg(rgb)
    (folder / f"{name}.jpg").write_bytes(data)
    return entry(name, f"{name}.jpg", data, rgb, "s1", None, parents=(), provider="test")


def test_the_largest_face_counts_and_is_found_once_for_equal_pixels(tmp_path, store):
    sizes = []

    def find(rgb):
        sizes.append(rgb.shape)
        return [FACE, known_face((1.0, 0.0))] if rgb.mean() > 100 else []

    entries = [written(tmp_path, "a", 200), written(tmp_path, "b", 20)]
    outcomes = run_batch(
        "test",
        [
            face_work(one.id, one.sha256, tmp_path / one.file, Finder(analyzer=analyzer(find)))
            for one in entries
        ],
        store,
        workers=1,
    )
    faces = faces_of(outcomes)
    assert faces.images == 2
    (seen,) = faces.embeddings
    assert seen.id == "a"
    assert abs(seen.yaw_deg - FACE.yaw_deg) < 0.01
    assert np.allclose(seen.embedding[:2], [0.6, 0.8])
    assert np.allclose(seen.others[RESNET][:2], [0.8, 0.6])
    assert seen.side_px == round(20 * 20 / SEARCHED_SIDE_PX, 1)  # in px of the picture itself
    assert faces.counts == {"a": 2, "b": 0}
    assert sizes == [(SEARCHED_SIDE_PX, SEARCHED_SIDE_PX // 2, 3)] * 2  # small pictures are enlarged
    again = written(tmp_path, "c", 200)
    run_batch(
        "test",
        [face_work(again.id, again.sha256, tmp_path / again.file, Finder(analyzer=analyzer(find)))],
        store,
        workers=1,
    )
    assert len(sizes) == 2


def test_a_face_found_with_an_embedder_of_ones_own_is_another_item(tmp_path):
    plain, own = (Finder(analyzer=analyzer(lambda rgb: []), own=own) for own in (None, "onnx-0123"))
    keys = [face_work("a", "0" * 64, tmp_path / "a.jpg", find).key for find in (plain, own)]
    assert len(set(keys)) == 2
