"""synthetic_people: traits are checked, plans repeat, finished photographs are kept, what the gate refuses is not written.

Runs without Blender and MakeHuman's data: the camera is a fake that paints flat colours.
"""

import datetime
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from signing import sign_as_test
from synthetic_person import a_face, mia

from likeness.digests import sha256_bytes
from likeness.errors import ConfigError
from likeness.safety.consent import load_consent
from likeness.safety.identity import vectors_of
from tools.synthetic_people import pose, record
from tools.synthetic_people.body import cut
from tools.synthetic_people.makehuman import Data, Mesh, read_proxy, read_skeleton
from tools.synthetic_people.plan import digest, plan
from tools.synthetic_people.pose import bone_matrices, joint_at
from tools.synthetic_people.produce import BlenderCamera

# ---- traits


# ---- plan


@given(
    seed=st.integers(0, 2**40), photos=st.integers(1, 40), low=st.integers(-45, 45), span=st.integers(0, 90)
)
def test_a_plan_is_the_same_for_a_seed_and_keeps_its_bounds(seed, photos, low, span):
    person = mia(yaw_deg=[low, min(45, low + span)])
    shots = plan(person, photos=photos, seed=seed)
    assert [digest(person, s) for s in shots] == [
        digest(person, s) for s in plan(person, photos=photos, seed=seed)
    ]
    assert shots == plan(person, photos=photos + 7, seed=seed)[:photos]
    assert len({shot.file_name for shot in shots}) == photos
    for shot in shots:
        assert person.yaw_deg[0] - 0.1 <= shot.yaw_deg <= person.yaw_deg[1] + 0.1
        assert shot.place in person.places
        assert shot.clothes in person.clothes
        assert shot.width_px % 8 == 0


def test_a_plan_is_the_same_on_every_machine():
    shots = plan(mia(), photos=3, seed=0)
    assert [(s.place, s.framing, s.yaw_deg, s.seed) for s in shots] == [
        ("living_room", "head", 0.0, 122290562),
        ("office", "bust", -26.7, 1219415004),
        ("studio", "head", 16.5, 2023613301),
    ]


def test_the_first_source_is_frontal_and_targets_are_nearly():
    assert plan(mia(), photos=1, seed=5)[0].yaw_deg == 0
    assert all(abs(shot.yaw_deg) <= 20 for shot in plan(mia(), photos=20, seed=5, role="target"))


def test_framings_that_are_named_are_taken_in_turn():
    shots = plan(mia(framings=["half", "bust"]), photos=3, seed=0, role="target")
    assert [shot.framing for shot in shots] == ["half", "bust", "half"]


def test_the_digest_changes_with_what_is_seen_and_not_with_the_rest():
    shot = plan(mia(), photos=1, seed=0)[0]
    assert digest(mia(), shot) == digest(mia(places=["park"], yaw_deg=[0, 1]), shot)
    assert digest(mia(), shot) != digest(mia(age=34), shot)
    assert digest(mia(), shot) != digest(mia(), replace(shot, width_px=8))


# ---- body


def rig(folder: Path) -> tuple[Data, np.ndarray]:
    """A skeleton of two spread hands alone, and its resting joints: fingers of three bones, each of half a decimetre."""
    places = {"root": (0.0, 2.0, 0.0)}
    for side, sign in (("L", 1), ("R", -1)):
        places[f"wrist.{side}"] = (3.0 * sign, 0.0, 0.0)
        for finger, across in enumerate((1.2, 0.6, 0.2, -0.2, -0.6), start=1):
            for bone in range(4):
                places[f"{finger}-{bone}.{side}"] = (3.0 * sign, -0.5 - 0.5 * bone, across * (1 + 0.5 * bone))
    names = list(places)
    bones = {"root": {"parent": None, "head": "root", "tail": "root"}}
    bones |= {f"wrist.{s}": {"parent": "root", "head": f"wrist.{s}", "tail": f"3-0.{s}"} for s in "LR"}
    bones |= {
        f"finger{finger}-{bone}.{side}": {
            "parent": f"finger{finger}-{bone - 1}.{side}" if bone > 1 else f"wrist.{side}",
            "head": f"{finger}-{bone - 1}.{side}", "tail": f"{finger}-{bone}.{side}",
        }
        for side in "LR" for finger in range(1, 6) for bone in range(1, 4)
    }  # fmt: skip
    bones |= {
        bone: {"parent": "root", "head": "root", "tail": "root"} for bone in (*pose.STAND, *pose.HEAD_SHARES)
    }
    for name, text in {
        "3dobjs/base.obj": "".join(f"v {x} {y} {z}\n" for x, y, z in places.values()),
        "rigs/default.mhskel": json.dumps(
            {"bones": bones, "joints": {name: [n] for n, name in enumerate(names)}}
        ),
        "rigs/default_weights.mhw": json.dumps({"weights": {}}),
    }.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return Data(folder, folder), np.array(list(places.values()))


def test_fingers_of_a_relaxed_hand_lie_together_and_bend_to_the_palm(tmp_path):
    data, vertices = rig(tmp_path)
    bones = read_skeleton(data)[1]
    taken = dict(
        zip(bones, bone_matrices(data, vertices, pose.standing(data, vertices, (0, 0, 0))), strict=True)
    )
    for side, inwards in (("L", -1), ("R", 1)):
        tips = [joint_at(data, vertices, f"finger{finger}-3.{side}", "tail") for finger in range(2, 6)]
        now = [taken[f"finger{f}-3.{side}"][:3, :3] @ tip + taken[f"finger{f}-3.{side}"][:3, 3]
               for f, tip in zip(range(2, 6), tips, strict=True)]  # fmt: skip
        assert np.ptp([tip[2] for tip in now]) < 0.8 * np.ptp([tip[2] for tip in tips])
        # The wrists' knuckles lie in one plane, so the palm looks along x: to the body.
        assert all((tip[0] - 3.0 * -inwards) * inwards > 0.3 for tip in now)
    np.testing.assert_allclose([abs(np.linalg.det(one[:3, :3])) for one in taken.values()], 1)


def test_hair_is_cut_straight():
    mesh = Mesh(np.zeros((5, 3)), np.zeros((1, 2)), [""] * 3, [[0, 1], [1, 2], [3, 4]], [[0, 0]] * 3)
    vertices = np.array([[0, 3, 0], [0, 2, 0], [0, 0.5, 0], [0, 0.4, 0], [0, 0.3, 0]], float)
    faces, uv_faces, ended = cut(mesh, vertices, 1.0)
    assert (faces, len(uv_faces)) == ([[0, 1], [1, 2]], 2)
    assert ended[:, 1].tolist() == [3, 2, 1, 1, 1]
    assert cut(mesh, vertices, -np.inf)[0] == mesh.faces


# ---- papers


def test_the_consent_record_is_one_that_likeness_accepts(tmp_path):
    person, signed = mia(), datetime.date(2026, 11, 23)
    text = record.consent(person, [vectors_of(a_face())] * 3, {"mia_01.jpg": b"jpeg"}, signed)
    (tmp_path / "mia.yaml").write_text(text)
    (tmp_path / "mia.md").write_text(record.evidence(person))
    sign_as_test(tmp_path, "mia")
    consent = load_consent(tmp_path, "mia")
    consent.require(["swap", "train", "generate"], today=signed)
    assert consent.kind == "synthetic"
    assert consent.adult.age_years == person.age
    assert consent.covers_photo("source", "mia_01.jpg", sha256_bytes(b"jpeg"))
    assert not consent.covers_photo("source", "mia_01.jpg", sha256_bytes(b"another"))
    assert np.allclose(consent.face.vectors()["sface-2021dec-int8bq"], a_face().embedding, atol=1e-3)
    assert record.signed_before(tmp_path / "mia.yaml", person) == signed
    assert record.signed_before(tmp_path / "mia.yaml", mia(age=40)) is None
    assert record.signed_before(tmp_path / "none.yaml", person) is None


def test_the_list_of_targets_is_one_that_likeness_accepts(tmp_path):
    person = mia()
    (tmp_path / "ann.yaml").write_text(
        record.consent(
            mia(name="ann"), [vectors_of(a_face())], {"ann_01.jpg": b"ann"}, datetime.date(2026, 1, 1)
        )
    )
    (tmp_path / "ann.md").write_text(record.evidence(mia(name="ann")))
    text, proof = record.targets({"mia_01.jpg": (person, b"jpeg")})
    (tmp_path / "ann.targets.yaml").write_text(text)
    (tmp_path / "targets.md").write_text(proof)
    sign_as_test(tmp_path, "ann")
    listed = load_consent(tmp_path, "ann").targets
    assert listed is not None
    assert listed.licence == "CC0-1.0"
    assert listed.photos["mia_01.jpg"].age_years == person.age


def test_the_data_card_names_every_asset_and_licence():
    card = record.data_card([mia()], "Photographs of mia")
    for named in (
        "CC0 1.0",
        "hair/long01",
        "clothes/female_casualsuit01",
        "skins/young_caucasian_female2",
        "anny",
    ):
        assert named in card


# ---- what is not installed


def test_a_missing_data_folder_is_told_with_the_remedy(tmp_path):
    with pytest.raises(ConfigError, match=r"no 3dobjs/base\.obj") as caught:
        Data.at(tmp_path)
    assert caught.value.reason == "missing-data"
    assert "--data" in caught.value.remedy


def test_missing_face_units_are_told_with_the_remedy(tmp_path):
    (tmp_path / "3dobjs").mkdir()
    (tmp_path / "3dobjs" / "base.obj").write_text("")
    with pytest.raises(ConfigError, match="face units"):
        Data.at(tmp_path, tmp_path)
    with pytest.raises(ConfigError, match=r"skins/x/x\.mhmat is missing") as caught:
        Data(tmp_path, tmp_path).skin("x")
    assert "another trait" in caught.value.remedy


def test_a_missing_bpy_is_told_with_the_remedy(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "bpy", None)
    with pytest.raises(ConfigError, match="bpy is not installed") as caught:
        BlenderCamera(data=Data(tmp_path, tmp_path))
    assert caught.value.reason == "missing-bpy"
    assert "requirements.txt" in caught.value.remedy


def test_an_mhclo_file_is_read(tmp_path):
    (tmp_path / "hat.mhclo").write_text(
        "# by hand\nname hat\nobj_file hat.obj\nmaterial ../hat.mhmat\nx_scale 1 2 4.0\n"
        "verts 0\n5\n1 2 3 .5 .25 .25 0 .1 0\ndelete_verts\n7 9 - 11\n"
    )
    hat = read_proxy(tmp_path / "hat.mhclo")
    assert hat.indices.tolist() == [[5, 5, 5], [1, 2, 3]]
    assert hat.weights.tolist() == [[1, 0, 0], [0.5, 0.25, 0.25]]
    assert hat.offsets[1].tolist() == [0, 0.1, 0]
    assert hat.hides == {7, 9, 10, 11}
    assert hat.scales == ((0, 1, 2, 4.0),)
