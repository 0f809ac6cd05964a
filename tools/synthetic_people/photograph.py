"""Takes one shot with Blender's Cycles on the processor. Runs in a process of its own: needs bpy.

The same shot gives the same pixels on one machine: the seed is the shot's, and samples do not depend on timing.
"""

import math
import random
from pathlib import Path

import bpy
from mathutils import Vector

from tools.synthetic_people.body import Part, build
from tools.synthetic_people.makehuman import Data
from tools.synthetic_people.materials import materials_of
from tools.synthetic_people.places import furnish
from tools.synthetic_people.plan import MOODS, Shot
from tools.synthetic_people.props import lamp
from tools.synthetic_people.traits import Person
from tools.synthetic_people.wardrobe import Framing

SAMPLES, SAMPLES_WHERE_PLAIN = 8, 3
"""A pixel; fewer where the first ones agree. What grain is left is taken out by Open Image Denoise, which comes with bpy."""

SENSOR_M = 0.024

# (height of the picture in metres at the person, where the eyes are in it from 0 at the top to 1, lens in mm)
FRAMES: dict[Framing, tuple[float, float, float]] = {
    "face": (0.42, 0.45, 85),
    "head": (0.54, 0.42, 85),
    "bust": (0.74, 0.38, 85),
    "half": (1.15, 0.24, 85),
    "three_quarter": (1.5, 0.2, 70),
    "full": (2.05, 0.15, 60),
}
FSTOPS = {"studio": 4.0, "living_room": 2.8, "cafe": 2.0, "park": 1.8, "street": 2.8, "office": 2.0}

FILL_AT_M, FILL_W = -2.4, 14
"""A soft lamp before the person, as a reflector: without it the eyes lie in the brows' shadow."""

SMOOTHED = ("body", "clothes", "hair", "eyes")
CLOTH_GAP_M = 0.0025
"""Clothes stand off the skin by this much, so that it does not show through."""


def photograph(data: Data, person: Person, shot: Shot, out: Path, *, threads: int) -> None:
    """Render one shot to a PNG.

    Raises:
        ConfigError: this copy of MakeHuman's data lacks something.
    """
    bpy.ops.wm.read_factory_settings(use_empty=True)
    furnish(shot.place, random.Random(shot.seed))
    eyes = _place_person(data, person, shot)
    lamp((0, FILL_AT_M, eyes.z + 0.1), tuple(eyes), 1.0, FILL_W)
    _place_camera(shot, eyes)
    _set_up_cycles(shot, threads)
    scene = bpy.context.scene
    scene.render.filepath = str(out)
    bpy.ops.render.render(write_still=True)


def _place_person(data: Data, person: Person, shot: Shot) -> Vector:
    """Put the dressed person at the origin; where the eyes are, in metres."""
    body = build(
        data,
        person,
        shot.clothes,
        head_deg=(shot.yaw_deg - shot.turn_deg, shot.pitch_deg, shot.roll_deg),
        expression=MOODS[shot.mood],
    )
    root = bpy.data.objects.new("person", None)
    bpy.context.collection.objects.link(root)
    for part in body.parts:
        materials = materials_of(part, person, shot.clothes)
        thing = _mesh(part)
        thing.parent = root
        for material in materials:
            thing.data.materials.append(material)
        if len(materials) > 1:
            thing.data.polygons.foreach_set("material_index", [int(lower) for lower in part.lower])
        if part.kind == "clothes":
            gap = thing.modifiers.new("gap", "DISPLACE")
            gap.strength, gap.mid_level = CLOTH_GAP_M, 0
    turn = math.radians(shot.turn_deg)
    root.rotation_euler = (0, 0, turn)
    x, y, z = body.eyes
    return Vector((x * math.cos(turn) - y * math.sin(turn), x * math.sin(turn) + y * math.cos(turn), z))


def _mesh(part: Part) -> bpy.types.Object:
    """A smooth mesh of the vertices that faces use."""
    used = sorted({vertex for face in part.faces for vertex in face})
    index = {vertex: n for n, vertex in enumerate(used)}
    mesh = bpy.data.meshes.new(part.name)
    mesh.from_pydata([tuple(part.vertices[v]) for v in used], [], [[index[v] for v in f] for f in part.faces])
    corners = part.uv[[vertex for face in part.uv_faces for vertex in face]]
    mesh.uv_layers.new(name="uv").data.foreach_set("uv", corners.astype("float32").ravel())
    mesh.polygons.foreach_set("use_smooth", [True] * len(part.faces))
    thing = bpy.data.objects.new(part.name, mesh)
    bpy.context.collection.objects.link(thing)
    if part.kind in SMOOTHED:
        smooth = thing.modifiers.new("smooth", "SUBSURF")
        smooth.levels = smooth.render_levels = 1
    return thing


def _place_camera(shot: Shot, eyes: Vector) -> None:
    """In front of the person, focused on the eyes."""
    height, eyes_at, lens = FRAMES[shot.framing]
    camera = bpy.data.cameras.new("camera")
    camera.sensor_fit, camera.sensor_height, camera.lens = "VERTICAL", SENSOR_M * 1000, lens
    thing = bpy.data.objects.new("camera", camera)
    bpy.context.collection.objects.link(thing)
    pitch = math.radians(shot.camera_pitch_deg)
    centre = eyes - Vector((0, 0, height * (0.5 - eyes_at)))
    distance = height * lens / 1000 / SENSOR_M
    thing.location = centre + Vector((0, -math.cos(pitch), math.sin(pitch))) * distance
    thing.rotation_euler = (centre - thing.location).to_track_quat("-Z", "Y").to_euler()
    camera.dof.use_dof = True
    camera.dof.focus_distance = (eyes - thing.location).length - 0.01  # the lids, not the pupils' depth
    camera.dof.aperture_fstop = FSTOPS[shot.place]
    bpy.context.scene.camera = thing


def _set_up_cycles(shot: Shot, threads: int) -> None:
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    cycles = scene.cycles
    cycles.device, cycles.samples, cycles.seed = "CPU", SAMPLES, shot.seed
    cycles.use_denoising, cycles.denoiser = True, "OPENIMAGEDENOISE"
    cycles.use_adaptive_sampling, cycles.adaptive_threshold = True, 0.05
    cycles.adaptive_min_samples = SAMPLES_WHERE_PLAIN
    cycles.transparent_max_bounces, cycles.max_bounces = 24, 6  # hair is many cards behind one another
    cycles.diffuse_bounces, cycles.glossy_bounces, cycles.transmission_bounces = 3, 2, 2
    cycles.sample_clamp_indirect = 4
    cycles.caustics_reflective = cycles.caustics_refractive = False
    render = scene.render
    render.resolution_x, render.resolution_y, render.resolution_percentage = (
        shot.width_px,
        shot.height_px,
        100,
    )
    render.threads_mode, render.threads = "FIXED", threads
    render.image_settings.file_format = "PNG"
    scene.view_settings.view_transform = "AgX"
    scene.view_settings.look = "AgX - Medium High Contrast"
    scene.view_settings.exposure = shot.exposure_stops
