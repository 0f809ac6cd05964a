"""A person as meshes: shape from traits, facial expression, clothes and hair fitted, pose.

Shapes are made in MakeHuman's decimetres (y up); what leaves is in metres, z up, the person facing -y.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tools.synthetic_people import wardrobe
from tools.synthetic_people.makehuman import (
    Data,
    Floats,
    Mesh,
    Proxy,
    existing,
    read_mesh,
    read_skeleton,
    read_target,
    textures,
)
from tools.synthetic_people.pose import Angles, bone_matrices, joint_at, posed, standing
from tools.synthetic_people.traits import Clothes, Person

BELT_DM = 3.2
"""A connected piece of cloth that ends below this height (0 is at the hips) is trousers or a skirt."""

MEAN_AGE_YEARS, OLD_YEARS = 25.0, 90.0
"""What MakeHuman's macro targets `young` and `old` stand for."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """One mesh; `kind` is body, clothes, hair, eyes, eyebrows, eyelashes, teeth or tongue."""

    name: str
    kind: str
    vertices: Floats
    faces: list[list[int]]
    uv_faces: list[list[int]]
    uv: Floats
    textures: dict[str, Path]
    lower: list[bool]
    """Of each face: it belongs to trousers or a skirt (clothes only, else empty)."""

    def texture(self, kind: str) -> Path:
        """
        Raises:
            ConfigError: `missing-data`: this copy of MakeHuman's data lacks it.
        """
        return existing(self.textures[kind])


@dataclass(frozen=True, kw_only=True)
class Body:
    """A dressed and posed person standing on z = 0; `eyes` [3] is the middle between them, in metres."""

    parts: tuple[Part, ...]
    eyes: Floats


def build(
    data: Data,
    person: Person,
    clothes: Clothes,
    *,
    head_deg: Angles = (0, 0, 0),
    expression: Mapping[str, float] | None = None,
) -> Body:
    """Shape, dress and pose somebody; `head_deg` is yaw (to the person's left), pitch (down) and roll.

    Raises:
        ConfigError: `missing-data`: this copy of MakeHuman's data lacks something.
    """
    neutral = _shape(data, person)
    rest = neutral.copy()
    for name, weight in (expression or {}).items():
        _move(rest, _face_unit(data, name), weight)
    # Joints of the neutral face: an expression moves no bone.
    bones = bone_matrices(data, neutral, standing(data, neutral, head_deg))
    shares = read_skeleton(data)[2]

    hairdo = wardrobe.HAIR_STYLES[person.hair.style]
    garment = wardrobe.GARMENTS[clothes.garment].meshes[person.gender]
    worn = [
        ("clothes", data.proxy("clothes", garment), None),
        ("clothes", data.proxy("clothes", wardrobe.SHOES[person.gender]), None),
        (
            "eyes",
            data.proxy("eyes", "high-poly"),
            data.file(f"eyes/materials/{wardrobe.EYES[person.eyes]}.mhmat"),
        ),
        ("teeth", data.proxy("teeth", "teeth_base"), None),
        ("tongue", data.proxy("tongue", "tongue01"), None),
        ("eyebrows", data.proxy("eyebrows", wardrobe.EYEBROWS[person.gender]), None),
        ("eyelashes", data.proxy("eyelashes", "eyelashes02"), None),
        ("hair", data.proxy("hair", hairdo.mesh), None),
    ]
    hidden = frozenset().union(*(proxy.hides for kind, proxy, _ in worn if kind == "clothes"))
    parts = [_skin_part(data, person, posed(rest, shares, bones), hidden)]
    cut_dm = joint_at(data, neutral, "eye.L")[1] - hairdo.below_eyes_dm if hairdo.below_eyes_dm else None
    parts += [
        _worn_part(kind, proxy, material, rest, shares, bones, cut_dm if kind == "hair" else None)
        for kind, proxy, material in worn
    ]
    floor = min(
        p.vertices[np.unique(np.concatenate(p.faces)), 1].min()
        for p in parts
        if p.kind in ("body", "clothes")
    )
    parts = [_upright(part, floor) for part in parts]
    eyes = next(part for part in parts if part.kind == "eyes")
    return Body(parts=tuple(parts), eyes=eyes.vertices.mean(0))


def _shape(data: Data, person: Person) -> Floats:
    """Base mesh vertices [V, 3] with a person's traits."""
    vertices = read_mesh(data.file("3dobjs/base.obj")).vertices.copy()
    for name, weight in _macro_targets(person):
        path = data.root / "targets" / "macrodetails" / f"{name}.target"
        if path.is_file():  # a mean build has no file: it is the base itself
            _move(vertices, path, weight)
    for name, weight in _details(person):
        for side in "lr" if "{s}" in name else " ":
            _move(vertices, data.file(f"targets/{name.format(s=side)}.target"), weight)
    return vertices


def _macro_targets(person: Person) -> Iterator[tuple[str, float]]:
    """MakeHuman's targets for gender, age, ancestry and build, whose weights multiply."""
    gender = {"woman": "female", "man": "male"}[person.gender]
    old = (person.age - MEAN_AGE_YEARS) / (OLD_YEARS - MEAN_AGE_YEARS)
    muscle = _three_way(person.body.get("muscle", 0), "minmuscle", "averagemuscle", "maxmuscle")
    weight = _three_way(person.body.get("weight", 0), "minweight", "averageweight", "maxweight")
    height = _three_way(person.body.get("height", 0), "minheight", "", "maxheight")
    total = sum(person.ancestry.values())
    for age, age_share in (("young", 1 - old), ("old", old)):
        for ancestry, share in person.ancestry.items():
            yield f"{ancestry}-{gender}-{age}", age_share * share / total
        for muscle_name, muscle_share in muscle.items():
            for weight_name, weight_share in weight.items():
                build = f"{gender}-{age}-{muscle_name}-{weight_name}"
                share = age_share * muscle_share * weight_share
                yield f"universal-{build}", share
                yield f"proportions/{build}-idealproportions", share * 0.3
                for height_name, height_share in height.items():
                    yield f"height/{build}-{height_name}", share * height_share


def _three_way(amount: float, low: str, mean: str, high: str) -> dict[str, float]:
    """Shares of the three targets for -1..1; half of the range is used, the ends look like nobody."""
    amount /= 2
    return {low: max(0.0, -amount), mean: 1 - abs(amount), high: max(0.0, amount)}


def _details(person: Person) -> Iterator[tuple[str, float]]:
    for trait, amount in person.face.items():
        morph = wardrobe.FACE[trait]
        for name in morph.above if amount > 0 else morph.below:
            yield name, abs(amount) * morph.weight
    if person.face_shape:
        yield f"head/head-{person.face_shape}", wardrobe.FACE_SHAPE_WEIGHT


def _face_unit(data: Data, name: str) -> Path:
    return data.face_units / f"{name}.target"


def _move(vertices: Floats, path: Path, weight: float) -> None:
    if weight:
        indices, distances = read_target(path)
        vertices[indices] += weight * distances


def _skin_part(data: Data, person: Person, vertices: Floats, hidden: frozenset[int]) -> Part:
    mesh = read_mesh(data.file("3dobjs/base.obj"))
    seen = [
        at
        for at, (group, face) in enumerate(zip(mesh.groups, mesh.faces, strict=True))
        if group == "body" and not hidden.issuperset(face)
    ]
    skin, _ = wardrobe.skin_of(person.gender, person.skin.tone, person.age)
    return Part(
        name="body",
        kind="body",
        vertices=vertices,
        uv=mesh.uv,
        lower=[],
        faces=[mesh.faces[at] for at in seen],
        uv_faces=[mesh.uv_faces[at] for at in seen],
        textures=textures(data.skin(skin)),
    )


def _worn_part(
    kind: str,
    proxy: Proxy,
    material: Path | None,
    rest: Floats,
    shares: NDArray[np.floating],
    bones: Floats,
    cut_dm: float | None,
) -> Part:
    """Fit a proxy to the resting person, cut off what hangs below a height, then let it follow the bones."""
    scale = np.ones(3)
    for axis, a, b, made_at in proxy.scales:
        scale[axis] = abs(rest[a, axis] - rest[b, axis]) / made_at
    fitted = np.einsum("ni,nij->nj", proxy.weights, rest[proxy.indices]) + proxy.offsets * scale
    binding = np.clip(proxy.weights, 0, None)
    binding = binding / np.maximum(binding.sum(1, keepdims=True), 1e-9)
    mesh = read_mesh(proxy.mesh)
    faces, uv_faces, fitted = cut(mesh, fitted, -np.inf if cut_dm is None else cut_dm)
    return Part(
        name=proxy.mesh.parent.name,
        kind=kind,
        uv=mesh.uv,
        faces=faces,
        uv_faces=uv_faces,
        vertices=posed(fitted, np.einsum("ni,nib->nb", binding, shares[proxy.indices]), bones),
        textures=textures(material or proxy.material),
        lower=_below_belt(mesh, fitted) if kind == "clothes" else [],
    )


def cut(mesh: Mesh, vertices: Floats, at: float) -> tuple[list[list[int]], list[list[int]], Floats]:
    """Faces, their texture corners and the vertices without what hangs below the height `at`, where it ends straight."""
    kept = [number for number, face in enumerate(mesh.faces) if vertices[face, 1].max() > at]
    ended = vertices.copy()
    ended[:, 1] = np.maximum(ended[:, 1], at)
    return [mesh.faces[number] for number in kept], [mesh.uv_faces[number] for number in kept], ended


def _below_belt(mesh: Mesh, vertices: Floats) -> list[bool]:
    """Of each face: the connected piece it belongs to ends below the belt."""
    label = np.arange(len(vertices))
    ends = np.array([(face[0], other) for face in mesh.faces for other in face[1:]])
    while True:  # every vertex takes the least label of its neighbours, until nothing changes
        least = label.copy()
        np.minimum.at(least, ends[:, 0], label[ends[:, 1]])
        np.minimum.at(least, ends[:, 1], label[ends[:, 0]])
        least = least[least]
        if (least == label).all():
            break
        label = least
    top = np.full(len(vertices), -np.inf)
    np.maximum.at(top, label, vertices[:, 1])
    return [bool(top[label[face[0]]] < BELT_DM) for face in mesh.faces]


def _upright(part: Part, floor_dm: float) -> Part:
    """Decimetres with y up -> metres with z up, standing on z = 0."""
    x, y, z = part.vertices.T
    return Part(**{**vars(part), "vertices": np.stack([x, -z, y - floor_dm], 1) * 0.1})
