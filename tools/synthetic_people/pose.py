"""The rig: angles of bones, where they take each vertex. Lengths in MakeHuman's decimetres, y up."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from tools.synthetic_people.makehuman import Data, Floats, read_skeleton

Angles = tuple[float, float, float]
"""Degrees about the rest axes: x to the person's left, y up, z to the front."""


# Arms down at the sides, elbows a little bent; the rig rests with them spread and the forearms before the body.
STAND: Mapping[str, Angles] = {
    "upperarm01.L": (0, 0, -29),
    "upperarm01.R": (0, 0, 29),
    "lowerarm01.L": (24, 0, 10),
    "lowerarm01.R": (24, 0, -10),
    "clavicle.L": (0, 0, -11),
    "clavicle.R": (0, 0, 11),
}
HEAD_SHARES = {"neck01": 0.15, "neck02": 0.15, "neck03": 0.2, "head": 0.5}
"""How a turn of the head is spread over the bones."""


CURL_DEG = (16, 26, 20)
"""How far each bone of a relaxed finger bends towards the palm, from the knuckle on."""
TOGETHER, THUMB_IN = 0.75, 0.5
"""Shares of the way: the rig's spread fingers to the middle one, its thumb to the forefinger."""


def standing(data: Data, vertices: Floats, head_deg: Angles) -> dict[str, Floats]:
    """The bones' turns [3, 3] of somebody who stands with relaxed hands, the head turned by yaw (to the person's left),
    pitch (down) and roll."""
    yaw, pitch, roll = head_deg
    angles = dict(STAND) | {bone: (pitch * s, yaw * s, roll * s) for bone, s in HEAD_SHARES.items()}
    turns = {bone: _rotation(one) for bone, one in angles.items()}
    return turns | _relaxed_hand(data, vertices, "L") | _relaxed_hand(data, vertices, "R")


def _relaxed_hand(data: Data, vertices: Floats, side: str) -> dict[str, Floats]:
    knuckles = {finger: joint_at(data, vertices, f"finger{finger}-1.{side}") for finger in range(1, 6)}
    tips = {finger: joint_at(data, vertices, f"finger{finger}-3.{side}", "tail") for finger in knuckles}
    along = {finger: _unit(tips[finger] - at) for finger, at in knuckles.items()}
    wrist = joint_at(data, vertices, f"wrist.{side}")
    palm = np.cross(knuckles[5] - wrist, knuckles[2] - wrist) * (1 if side == "L" else -1)
    turns = {f"finger1-1.{side}": _towards(along[1], along[1] + THUMB_IN * (along[2] - along[1]))}
    for finger in range(2, 6):
        bend = _unit(np.cross(along[finger], palm))
        together = _towards(along[finger], along[finger] + TOGETHER * (along[3] - along[finger]))
        first, *others = (_about(bend, degrees) for degrees in CURL_DEG)
        turns[f"finger{finger}-1.{side}"] = together @ first
        turns |= {f"finger{finger}-{bone}.{side}": turn for bone, turn in enumerate(others, start=2)}
    return turns


def joint_at(data: Data, vertices: Floats, bone: str, end: str = "head") -> Floats:
    """[3]: where a bone of the resting person starts (`head`) or ends (`tail`)."""
    rig, _, _ = read_skeleton(data)
    return vertices[rig["joints"][rig["bones"][bone][end]]].mean(0)


def bone_matrices(data: Data, vertices: Floats, pose: Mapping[str, Floats]) -> Floats:
    """[B, 4, 4]: where each bone takes a point of the resting person; `pose` holds the turns [3, 3] of bones."""
    rig, bones, _ = read_skeleton(data)
    matrices = np.zeros((len(bones), 4, 4))
    for number, name in enumerate(bones):
        bone = rig["bones"][name]
        local = np.eye(4)
        if name in pose:
            joint = joint_at(data, vertices, name)
            local[:3, :3] = pose[name]
            local[:3, 3] = joint - local[:3, :3] @ joint
        matrices[number] = matrices[bones.index(bone["parent"])] @ local if bone["parent"] else local
    return matrices


def _rotation(angles: Angles) -> Floats:
    """[3, 3]: about z, then x, then y."""
    (cx, cy, cz), (sx, sy, sz) = np.cos(np.radians(angles)), np.sin(np.radians(angles))
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return about_y @ about_x @ about_z


def _about(axis: Floats, degrees: float) -> Floats:
    """[3, 3]: about a unit vector [3] (Rodrigues)."""
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    angle = np.radians(degrees)
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def _towards(start: Floats, end: Floats) -> Floats:
    """[3, 3]: the shortest turn that takes the direction of `start` to that of `end`, both [3]."""
    axis = np.cross(_unit(start), _unit(end))
    sine = np.linalg.norm(axis)
    return _about(axis / sine, np.degrees(np.arcsin(sine))) if sine > 0 else np.eye(3)


def _unit(vector: Floats) -> Floats:
    return vector / np.linalg.norm(vector)


def posed(vertices: Floats, shares: NDArray[np.floating], bones: Floats) -> Floats:
    """Linear blend skinning of [V, 3] with shares [V, B] of bones [B, 4, 4]."""
    blended = np.tensordot(shares, bones, 1)
    return np.einsum("vij,vj->vi", blended[:, :3, :3], vertices) + blended[:, :3, 3]
