"""Draws small portraits with OpenGL (pyrender on EGL; Mesa's llvmpipe needs no GPU), twice as large as asked for."""

import importlib
import math
import os
import shutil
import tempfile
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from likeness.errors import ConfigError
from tools.synthetic_people import wardrobe
from tools.synthetic_people.body import Body, Part
from tools.synthetic_people.traits import Person

if TYPE_CHECKING:
    from tools.synthetic_people.portraits import Portrait

Bytes = NDArray[np.uint8]

OVERSAMPLING = 2
LENS_MM, SENSOR_MM = 85.0, 24.0
NOISE = 2.0
"""Standard deviation, in 8-bit levels."""

ROUGHNESS = {
    "body": 0.55,
    "eyes": 0.15,
    "hair": 0.6,
    "eyebrows": 0.8,
    "teeth": 0.3,
    "tongue": 0.3,
    "clothes": 0.9,
}
"""Of the kinds that are drawn: lashes are too thin for so few pixels."""

# pyrender ignores the alpha mode MASK: its fragment shader drops see-through texels with one line more.
SHADER_LINE = "base_color = base_color * srgb_to_linear(texture(material.base_color_texture, uv_0));"
SHADER_CUT = "\n    if (base_color.a < 0.45) discard;"


class Painter:
    """An OpenGL context for as long as the `with` lasts."""

    def __init__(self, *, side_px: int) -> None:
        self._side_px = side_px
        self._closing = ExitStack()
        self._last: tuple[Body, Any] | None = None  # a person's portraits follow one another

    def __enter__(self) -> "Painter":
        """
        Raises:
            ConfigError: `missing-renderer`.
        """
        os.environ.setdefault("PYOPENGL_PLATFORM", "egl")  # read by PyOpenGL when it is imported
        remedy = "pip install --no-deps -r tools/synthetic_people/requirements.txt; on Debian also libegl1, libgl1-mesa-dri"
        try:
            self._gl: Any = importlib.import_module("pyrender")
            programs: Any = importlib.import_module("pyrender.shader_program")
            side = self._side_px * OVERSAMPLING
            self._renderer = self._gl.OffscreenRenderer(side, side)
        # PyOpenGL's errors are no OSError and have no base of their own: GLError is a plain Exception's child.
        except (ImportError, OSError, AttributeError, RuntimeError) as error:
            raise ConfigError(
                f"portraits cannot be drawn: {error}", reason="missing-renderer", remedy=remedy
            ) from error
        self._closing.callback(self._renderer.delete)
        folder = (
            Path(self._closing.enter_context(tempfile.TemporaryDirectory(prefix="synthetic-people-")))
            / "shaders"
        )
        shutil.copytree(Path(self._gl.__file__).parent / "shaders", folder)
        shader = folder / "mesh.frag"
        text = shader.read_text()
        if SHADER_LINE not in text:
            raise ConfigError(
                "this release of pyrender has another shader", reason="missing-renderer", remedy=remedy
            )
        shader.write_text(text.replace(SHADER_LINE, SHADER_LINE + SHADER_CUT))
        self._renderer._renderer._program_cache = programs.ShaderProgramCache(shader_dir=str(folder))
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def paint(
        self, body: Body, person: Person, portrait: "Portrait", backdrop: list[tuple[int, int, int]]
    ) -> Bytes:
        """uint8 [side, side, 3]."""
        gl = self._gl
        noise = np.random.default_rng(portrait.seed)
        scene = gl.Scene(ambient_light=[portrait.ambient] * 3, bg_color=[0, 0, 0, 0])
        scene.add(self._mesh(body, person))
        centre = body.eyes + np.array([0, 0, -0.025])
        # To see the face turned to the image's right the camera goes to the person's right.
        yaw, pitch = math.radians(-portrait.yaw_deg), math.radians(portrait.pitch_deg)
        away = np.array([math.sin(yaw) * math.cos(pitch), -math.cos(yaw) * math.cos(pitch), math.sin(pitch)])
        eye = centre + away * portrait.height_m * LENS_MM / SENSOR_MM
        lens = gl.PerspectiveCamera(yfov=2 * math.atan(SENSOR_MM / 2 / LENS_MM), znear=0.05, zfar=20)
        scene.add(lens, pose=looking(centre, eye, math.radians(portrait.roll_deg)))
        for x, y, z, strength in portrait.lights:
            at = body.eyes + np.array([x, y, z])
            scene.add(
                gl.DirectionalLight(color=[1, 0.95, 0.9], intensity=strength), pose=looking(body.eyes, at)
            )
        rgba, depth = self._renderer.render(scene, flags=gl.RenderFlags.RGBA)
        side = (self._side_px, self._side_px)
        front = np.asarray(Image.fromarray(rgba[..., :3]).resize(side, Image.Resampling.BOX), float)
        seen = Image.fromarray(((depth > 0) * 255).astype(np.uint8)).resize(side, Image.Resampling.BOX)
        alpha = np.asarray(seen, float)[..., None] / 255
        pixels = front * alpha + _blurred(backdrop, noise, self._side_px) * (1 - alpha)
        return np.clip(pixels + noise.normal(0, NOISE, pixels.shape), 0, 255).astype(np.uint8)

    def _mesh(self, body: Body, person: Person) -> Any:
        if self._last is None or self._last[0] is not body:
            parts = [self._primitive(part, person) for part in body.parts if part.kind in ROUGHNESS]
            self._last = body, self._gl.Mesh(parts)
        return self._last[1]

    def _primitive(self, part: Part, person: Person) -> Any:
        corners, triangles = _triangles(part)
        positions = part.vertices
        normals = np.zeros_like(positions)
        whole = corners[triangles, 0]
        facing = np.cross(
            positions[whole[:, 1]] - positions[whole[:, 0]], positions[whole[:, 2]] - positions[whole[:, 0]]
        )
        for corner in range(3):
            np.add.at(normals, whole[:, corner], facing)
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
        image = _image(part, person)
        return self._gl.Primitive(
            positions=positions[corners[:, 0]].astype(np.float32),
            normals=normals[corners[:, 0]].astype(np.float32),
            texcoord_0=part.uv[corners[:, 1]].astype(np.float32),
            indices=triangles.astype(np.uint32),
            material=self._gl.MetallicRoughnessMaterial(
                baseColorTexture=self._gl.Texture(source=image, source_channels="RGBA"),
                baseColorFactor=[1.0, 1.0, 1.0, 1.0],  # floats: pyrender divides whole numbers by 255
                metallicFactor=0.0,
                roughnessFactor=ROUGHNESS[part.kind],
                doubleSided=True,
                alphaMode="OPAQUE",
            ),
        )


def looking(at: NDArray[np.float64], eye: NDArray[np.float64], roll: float = 0) -> NDArray[np.float64]:
    """Pose [4, 4] of a camera or light at `eye` (radians)."""
    back = (eye - at) / np.linalg.norm(eye - at)
    right = np.cross([0, 0, 1], back)
    right /= np.linalg.norm(right)
    up = np.cross(back, right)
    pose = np.eye(4)
    pose[:3, 0], pose[:3, 1] = (
        math.cos(roll) * right + math.sin(roll) * up,
        math.cos(roll) * up - math.sin(roll) * right,
    )
    pose[:3, 2], pose[:3, 3] = back, eye
    return pose


def _triangles(part: Part) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Distinct (vertex, texture vertex) [C, 2] and the triangles [T, 3] over them."""
    fans = [
        ((face[0], uv[0]), (face[k], uv[k]), (face[k + 1], uv[k + 1]))
        for face, uv in zip(part.faces, part.uv_faces, strict=True)
        for k in range(1, len(face) - 1)
    ]
    corners, triangles = np.unique(np.array(fans).reshape(-1, 2), axis=0, return_inverse=True)
    return corners, triangles.reshape(-1, 3)


def _image(part: Part, person: Person) -> Bytes:
    """The part's texture in the person's colours, uint8 [h, w, 4]."""
    if part.kind == "clothes" and part.name not in wardrobe.SHOES.values():
        colour = wardrobe.CLOTH_COLOURS[person.clothes[0].colour or "grey"]
        return _recoloured(_texture(part.texture("aomap"), 512), colour, keep_mean=True)
    image = _texture(part.texture("diffuse"), 1024 if part.kind == "body" else 512)
    if part.kind in ("hair", "eyebrows"):
        return _recoloured(image, wardrobe.HAIR_COLOURS[person.hair.colour], keep_mean=False)
    if part.kind == "body":
        _, tint = wardrobe.skin_of(person.gender, person.skin.tone, person.age)
        rgb = np.clip(image[..., :3] * np.array(tint) ** (1 / 2.2), 0, 255)
        return np.dstack([rgb.astype(np.uint8), image[..., 3]])
    return image


def _recoloured(image: Bytes, colour: wardrobe.RGB, *, keep_mean: bool) -> Bytes:
    """The image's light and dark in a (linear) colour; `keep_mean`: white becomes the colour, else the mean does."""
    light = image[..., :3].astype(np.float64).mean(-1)
    seen = image[..., 3] > 128
    light /= 255 if keep_mean else max(1.0, float(light[seen].mean()))
    rgb = light[..., None] * np.array(colour) ** (1 / 2.2) * 255
    return np.dstack([np.clip(rgb, 0, 255).astype(np.uint8), image[..., 3]])


@lru_cache(maxsize=64)
def _texture(path: Path, side_px: int) -> Bytes:
    return np.asarray(Image.open(path).convert("RGBA").resize((side_px, side_px), Image.Resampling.LANCZOS))


def _blurred(
    colours: list[tuple[int, int, int]], noise: np.random.Generator, side_px: int
) -> NDArray[np.float64]:
    """Nine patches of the colours, each a little lighter or darker, blurred into one another."""
    patches = np.array(colours, float)[noise.integers(len(colours), size=(3, 3))] * noise.uniform(
        0.85, 1.1, (3, 3, 1)
    )
    small = Image.fromarray(np.clip(patches, 0, 255).astype(np.uint8))
    return np.asarray(small.resize((side_px, side_px), Image.Resampling.BICUBIC), float)
