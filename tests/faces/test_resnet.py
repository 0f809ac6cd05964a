"""dlib's resnet by onnxruntime gives the numbers that dlib's own program gives."""

from types import SimpleNamespace

import numpy as np
import pytest
from conftest import PHOTOS

from likeness.faces.crop import DLIB_LANDMARKS
from likeness.faces.face import LANDMARKS
from likeness.faces.resnet import Resnet, network
from likeness.images import load_rgb

# By dlib-bin 20.0.1.post1 on the same chips: where the five landmarks of dlib's template lie, the first six of the 128 numbers, and
# their length. A landmark that moves by a tenth of a pixel moves the numbers more than onnxruntime does.
DLIB = {
    "targets/06_ingrid.jpg": (
        [380.9042053222656, 215.45118713378906, 361.9805603027344, 216.552734375, 315.8112487792969, 215.23495483398438,
         337.0462341308594, 216.53099060058594, 352.22723388671875, 247.19363403320312],
        (-0.158262, 0.156552, 0.025359, -0.123561, -0.158245, -0.112325), 1.368365,
    ),
    "sources/jade_02.jpg": (
        [606.187744140625, 534.7864990234375, 540.3380737304688, 542.2723388671875, 414.17169189453125, 548.3628540039062,
         467.7624206542969, 547.3211669921875, 496.4862365722656, 639.0234985351562],
        (-0.121026, 0.17485, 0.06463, -0.160229, -0.208312, -0.024922), 1.4793,
    ),
    "others/kofi.jpg": (
        [490.928466796875, 278.7397766113281, 464.9097900390625, 279.93896484375, 400.1725769042969, 278.1374816894531,
         429.8721618652344, 279.732421875, 452.0700988769531, 324.0688781738281],
        (-0.188571, 0.185479, 0.127588, -0.057479, -0.074288, -0.020419), 1.346231,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DLIB)
def test_an_embedding_is_dlibs_own(name):
    points, first, length = DLIB[name]
    landmarks = np.zeros((LANDMARKS, 3), np.float32)
    landmarks[list(DLIB_LANDMARKS), :2] = np.array(points, np.float32).reshape(5, 2)
    found = Resnet().embedding(load_rgb(PHOTOS / name), SimpleNamespace(landmarks=landmarks))
    assert found.shape == (128,)
    assert found[:6] == pytest.approx(first, abs=2e-6)
    assert np.linalg.norm(found) == pytest.approx(length, abs=2e-6)


def test_the_network_is_the_same_bytes_each_time():
    assert network() == network()
