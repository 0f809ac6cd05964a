"""What places are made of: plain materials, boxes, lamps, skies, trees, shelves. Needs bpy.
Lengths in metres, powers in watts, colours linear RGB, 0..1."""

import math
import random
from typing import Any

import bpy
from mathutils import Vector

from tools.synthetic_people.materials import Nodes
from tools.synthetic_people.wardrobe import RGB

XYZ = tuple[float, float, float]


def plain(
    colour: RGB, roughness: float = 0.6, *, glow: float = 0, mottled: float = 0, scale: float = 6
) -> Any:
    """A material of one colour, `mottled` 0..1 towards black in spots of 1/`scale` metres."""
    nodes = Nodes("plain")
    nodes.flat(colour)
    nodes.set(Roughness=roughness)
    if mottled:
        nodes.colour(nodes.ramp(nodes.noise(scale), tuple(x * (1 - mottled) for x in colour), colour))
    if glow:
        nodes.set(Emission_Color=(*colour, 1), Emission_Strength=glow)
    return nodes.material


def box(size: XYZ, at: XYZ, material: Any, *, bevel: float = 0.01) -> None:
    bpy.ops.mesh.primitive_cube_add(size=1, location=at)
    thing = bpy.context.object
    thing.scale = size
    thing.data.materials.append(material)
    if bevel:
        edge = thing.modifiers.new("bevel", "BEVEL")
        edge.width, edge.segments = bevel, 2


def ball(radius: float, at: XYZ, material: Any) -> None:
    bpy.ops.mesh.primitive_uv_sphere_add(radius=radius, location=at)
    bpy.context.object.data.materials.append(material)


def lamp(at: XYZ, towards: XYZ, side: float, watts: float, colour: RGB = (1, 1, 1)) -> None:
    """A square area light."""
    light = bpy.data.lights.new("lamp", "AREA")
    light.size, light.energy, light.color = side, watts, colour
    thing = bpy.data.objects.new("lamp", light)
    thing.location = at
    thing.rotation_euler = (Vector(towards) - Vector(at)).to_track_quat("-Z", "Y").to_euler()
    bpy.context.collection.objects.link(thing)


def surroundings(colour: RGB, strength: float) -> tuple[Any, Any]:
    """Even light from all sides; its node tree and background node."""
    world = bpy.data.worlds.new("world")
    bpy.context.scene.world = world
    world.use_nodes = True
    background = next(node for node in world.node_tree.nodes if node.type == "BACKGROUND")
    background.inputs[0].default_value, background.inputs[1].default_value = (*colour, 1), strength
    return world.node_tree, background


def sky(elevation_deg: float, azimuth_deg: float, strength: float, sun: float) -> None:
    tree, background = surroundings((1, 1, 1), strength)
    node = tree.nodes.new("ShaderNodeTexSky")
    node.sky_type = "MULTIPLE_SCATTERING"
    node.sun_elevation, node.sun_rotation = math.radians(elevation_deg), math.radians(azimuth_deg)
    node.sun_intensity, node.sun_size = sun, math.radians(4)
    tree.links.new(node.outputs[0], background.inputs[0])


def ground(material: Any) -> None:
    bpy.ops.mesh.primitive_plane_add(size=60, location=(0, 0, 0))
    bpy.context.object.data.materials.append(material)


def room(wall: Any, floor: Any, *, back: float, side: float) -> None:
    box((12, 12, 0.1), (0, 0, -0.05), floor, bevel=0)
    box((12, 0.1, 3), (0, back, 1.5), wall, bevel=0)
    box((0.1, 12, 3), (-side, 0, 1.5), wall, bevel=0)
    box((12, 0.03, 0.12), (0, back - 0.06, 0.06), plain((0.85, 0.84, 0.8), 0.5))


def foliage(radius: float, at: XYZ, material: Any, scale: float, strength: float) -> None:
    bpy.ops.mesh.primitive_ico_sphere_add(subdivisions=6, radius=radius, location=at)
    thing = bpy.context.object
    thing.data.materials.append(material)
    for kind, size, push in (("CLOUDS", scale * 2.2, strength), ("STUCCI", scale * 0.6, strength * 0.35)):
        texture = bpy.data.textures.new("leaves", kind)
        texture.noise_scale = size
        if kind == "CLOUDS":
            texture.noise_depth = 4
        rough = thing.modifiers.new("leaves", "DISPLACE")
        rough.texture, rough.strength, rough.texture_coords = texture, push, "GLOBAL"


def tree(rng: random.Random, x: float, y: float, leaf: Any, bark: Any) -> None:
    height = rng.uniform(3.2, 5)
    bpy.ops.mesh.primitive_cylinder_add(
        radius=rng.uniform(0.1, 0.22), depth=height, location=(x, y, height / 2)
    )
    bpy.context.object.data.materials.append(bark)
    for _ in range(9):
        at = (x + rng.uniform(-1.3, 1.3), y + rng.uniform(-0.8, 0.8), height + rng.uniform(-1.2, 1.2))
        foliage(rng.uniform(0.6, 1.3), at, leaf, 0.09, 0.9)


BOOKS: tuple[RGB, ...] = ((0.5, 0.1, 0.08), (0.1, 0.2, 0.35), (0.75, 0.7, 0.6), (0.12, 0.3, 0.2), (0.6, 0.42, 0.12),
                          (0.2, 0.2, 0.22), (0.8, 0.8, 0.78), (0.35, 0.2, 0.3))  # fmt: skip


def shelf(rng: random.Random, x: float, y: float, width: float, height: float) -> None:
    wood = plain((0.23, 0.13, 0.07), 0.45, mottled=0.35, scale=9)
    for side in (-width / 2, width / 2):
        box((0.03, 0.28, height), (x + side, y, height / 2), wood)
    box((width, 0.02, height), (x, y + 0.13, height / 2), wood)
    boards = 5
    for board in range(boards + 1):
        z = 0.05 + board * (height - 0.08) / boards
        box((width, 0.28, 0.03), (x, y, z), wood)
        at = -width / 2 + 0.05
        while board < boards and at < width / 2 - 0.12:
            if rng.random() < 0.16:
                at += rng.uniform(0.05, 0.25)
                continue
            thick, tall = rng.uniform(0.02, 0.055), rng.uniform(0.2, 0.32)
            box(
                (thick, 0.2, tall),
                (x + at + thick / 2, y - 0.02, z + 0.015 + tall / 2),
                plain(rng.choice(BOOKS), 0.6),
                bevel=0.003,
            )
            at += thick + 0.003
