"""dlib's resnet by onnxruntime gives the numbers that dlib's own program gives."""

import numpy as np
import pytest
from conftest import PHOTOS

from likeness.faces import FaceAnalyzer
from likeness.faces.resnet import Resnet, network
from likeness.images import load_rgb

# By dlib-bin 20.0.1.post1 on the same chips: the first six of the 128 numbers, and their length.
DLIB = {
    "targets/06_ingrid.jpg": (-0.158262, 0.156552, 0.025359, -0.123561, -0.158245, -0.112325, 1.368365),
    "sources/jade_02.jpg": (-0.121026, 0.17485, 0.06463, -0.160229, -0.208312, -0.024922, 1.4793),
    "others/kofi.jpg": (-0.188571, 0.185479, 0.127588, -0.057479, -0.074288, -0.020419, 1.346231),
}


@pytest.mark.parametrize("name", DLIB)
def test_an_embedding_is_dlibs_own(name):
    rgb = load_rgb(PHOTOS / name)
    found = Resnet().embedding(rgb, FaceAnalyzer().faces(rgb)[0])
    *first, length = DLIB[name]
    assert found.shape == (128,)
    assert found[:6] == pytest.approx(first, abs=2e-6)
    assert np.linalg.norm(found) == pytest.approx(length, abs=2e-6)


def test_the_network_is_the_same_bytes_each_time():
    assert network() == network()
