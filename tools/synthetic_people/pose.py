"""The rig: angles of bones, where they take each vertex. Lengths in MakeHuman's decimetres, y up."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from tools.synthetic_people.makehuman import Data, Floats, read_skeleton

Angles = tuple[float, float, float]
"""Degrees about the rest axes: x to the person's left, y up, z to the front."""


# Arms down at the sides; the rig rests with them spread.
STAND: Mapping[str, Angles] = {
    "upperarm01.L": (0, 0, -29),
    "upperarm01.R": (0, 0, 29),
    "lowerarm01.L": (-14, 0, -4),
    "lowerarm01.R": (-14, 0, 4),
    "clavicle.L": (0, 0, -11),
    "clavicle.R": (0, 0, 11),
}
HEAD_SHARES = {"neck01": 0.15, "neck02": 0.15, "neck03": 0.2, "head": 0.5}
"""How a turn of the head is spread over the bones."""


def standing(head_deg: Angles) -> dict[str, Angles]:
    """The angles of somebody who stands, the head turned by yaw (to the person's left), pitch (down) and roll."""
    yaw, pitch, roll = head_deg
    return dict(STAND) | {bone: (pitch * s, yaw * s, roll * s) for bone, s in HEAD_SHARES.items()}


def bone_matrices(data: Data, vertices: Floats, pose: Mapping[str, Angles]) -> Floats:
    """[B, 4, 4]: where each bone takes a point of the resting person."""
    rig, bones, _ = read_skeleton(data)
    matrices = np.zeros((len(bones), 4, 4))
    for number, name in enumerate(bones):
        bone = rig["bones"][name]
        local = np.eye(4)
        if name in pose:
            joint = vertices[rig["joints"][bone["head"]]].mean(0)
            local[:3, :3] = _rotation(pose[name])
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


def posed(vertices: Floats, shares: NDArray[np.floating], bones: Floats) -> Floats:
    """Linear blend skinning of [V, 3] with shares [V, B] of bones [B, 4, 4]."""
    blended = np.tensordot(shares, bones, 1)
    return np.einsum("vij,vj->vi", blended[:, :3, :3], vertices) + blended[:, :3, 3]
