"""Backgrounds with their lights, procedural: the person stands at the origin, faces -y, the camera is there.
Runs inside the photographing process: needs bpy. Lengths in metres, powers in watts, colours linear RGB."""

import math
import random
from collections.abc import Callable, Mapping
from typing import Any

import bpy

from tools.synthetic_people.materials import Nodes
from tools.synthetic_people.props import (
    ball,
    box,
    foliage,
    ground,
    lamp,
    plain,
    room,
    shelf,
    sky,
    surroundings,
    tree,
)
from tools.synthetic_people.wardrobe import RGB


def furnish(place: str, rng: random.Random) -> None:
    """Build a place in the empty scene; `rng` decides what differs between two photographs there."""
    _PLACES[place](rng)


def _studio(rng: random.Random) -> None:
    grey = rng.choice([0.07, 0.18, 0.33])
    paper = plain((grey, grey * 1.03, grey * 1.08), 0.9, mottled=0.08, scale=1.2)
    box((9, 0.1, 6), (0, 2.2, 2), paper, bevel=0)
    box((9, 9, 0.1), (0, 0, -0.05), paper, bevel=0)
    surroundings((0.6, 0.65, 0.7), 0.12)
    side = rng.choice([-1, 1])
    lamp((-1.5 * side, -1.7, 2.5), (0, 0, 1.5), 1.0, 75, (1, 0.96, 0.9))
    lamp((1.8 * side, -1.5, 1.7), (0, 0, 1.5), 1.6, 16, (0.9, 0.95, 1))
    lamp((1.0 * side, 1.5, 2.5), (0, 0, 1.5), 0.8, 13, (1, 0.97, 0.93))
    lamp((0, 1.2, 0.6), (0, 2.2, 1.6), 1.0, 14)


def _living_room(rng: random.Random) -> None:
    wall = rng.choice([(0.62, 0.58, 0.5), (0.35, 0.42, 0.45), (0.5, 0.55, 0.5)])
    room(
        plain(wall, 0.85, mottled=0.06, scale=2),
        plain((0.33, 0.2, 0.11), 0.35, mottled=0.4, scale=5),
        back=3.2,
        side=3.2,
    )
    shelf(rng, -0.9, 2.9, 1.8, 2.1)
    shelf(rng, 1.35, 2.9, 1.5, 1.9)
    fabric = plain((0.16, 0.22, 0.25), 0.9, mottled=0.2)
    box((1.7, 0.8, 0.45), (1.9, 1.9, 0.25), fabric, bevel=0.08)
    box((1.7, 0.2, 0.85), (1.9, 2.3, 0.45), fabric, bevel=0.08)
    ball(0.14, (rng.uniform(0.2, 0.5), 2.6, 1.75), plain((1, 0.72, 0.4), 0.5, glow=9))
    surroundings((0.75, 0.85, 1), 0.22)
    lamp((-2.9, -0.9, 1.9), (0, 0, 1.4), 1.9, 120, (0.93, 0.97, 1))
    lamp((1.9, -1.9, 2.4), (0, 0, 1.4), 1.3, 22, (1, 0.85, 0.65))


def _cafe(rng: random.Random) -> None:
    room(
        plain((0.13, 0.09, 0.07), 0.7, mottled=0.4, scale=3),
        plain((0.16, 0.1, 0.06), 0.3, mottled=0.4),
        back=4.5,
        side=4,
    )
    for _ in range(26):
        at = (rng.uniform(-2.6, 2.6), rng.uniform(2.4, 4.2), rng.uniform(1.3, 2.9))
        colour = (1, rng.uniform(0.5, 0.75), rng.uniform(0.2, 0.45))
        ball(rng.uniform(0.03, 0.07), at, plain(colour, 0.5, glow=rng.uniform(12, 34)))
    for number in range(4):
        x, y = -2 + number * 1.35, 2.6 + 0.4 * (number % 2)
        box((0.7, 0.7, 0.05), (x, y, 0.75), plain((0.3, 0.18, 0.09), 0.3, mottled=0.3))
        box((0.07, 0.07, 0.75), (x, y, 0.37), plain((0.03, 0.03, 0.03), 0.4))
    box((4, 0.5, 1.1), (0.4, 3.9, 0.55), plain((0.22, 0.12, 0.07), 0.35, mottled=0.3))
    surroundings((1, 0.8, 0.6), 0.10)
    lamp((-1.7, -1.6, 2.2), (0, 0, 1.45), 1.1, 60, (1, 0.86, 0.7))
    lamp((2.2, -0.8, 1.8), (0, 0, 1.45), 1.0, 22, (0.75, 0.85, 1))
    lamp((0.8, 1.4, 2.4), (0, 0, 1.5), 0.8, 10, (1, 0.75, 0.5))


def _park(rng: random.Random) -> None:
    ground(plain((0.13, 0.2, 0.06), 0.9, mottled=0.55, scale=0.6))
    leaves = [
        plain(colour, 0.7, mottled=0.75, scale=3.2) for colour in ((0.13, 0.25, 0.055), (0.22, 0.28, 0.06))
    ]
    bark = plain((0.13, 0.09, 0.06), 0.9, mottled=0.5, scale=12)
    for number in range(11):
        tree(rng, -9 + number * 1.8 + rng.uniform(-0.5, 0.5), rng.uniform(6, 13), rng.choice(leaves), bark)
    for number in range(9):
        foliage(rng.uniform(0.7, 1.2), (-9 + number * 2.2, 14, 0.4), rng.choice(leaves), 0.12, 0.8)
    box((2.4, 30, 0.02), (0.6, 5, 0.005), plain((0.42, 0.37, 0.3), 0.9, mottled=0.25, scale=3), bevel=0)
    sky(32, rng.uniform(195, 235), 0.12, 0.3)


def _street(rng: random.Random) -> None:
    ground(plain((0.3, 0.29, 0.28), 0.85, mottled=0.25, scale=5))
    bpy.ops.mesh.primitive_plane_add(size=14, location=(0, 2.3, 3), rotation=(math.pi / 2, 0, 0))
    wall = bpy.context.object
    wall.data.materials.append(_bricks(rng.choice([(0.38, 0.15, 0.1), (0.5, 0.45, 0.38)])))
    bpy.ops.object.transform_apply(location=False, rotation=True, scale=True)
    box((1.0, 0.12, 2.15), (1.9, 2.28, 1.07), plain((0.06, 0.16, 0.17), 0.35), bevel=0.02)
    box((1.1, 0.1, 1.2), (-1.9, 2.28, 1.7), plain((0.75, 0.73, 0.7), 0.5), bevel=0.02)
    box((0.95, 0.12, 1.05), (-1.9, 2.27, 1.7), plain((0.05, 0.07, 0.09), 0.05), bevel=0)
    sky(40, rng.uniform(135, 165), 0.12, 0.25)


def _bricks(colour: RGB) -> Any:
    nodes = Nodes("bricks")
    nodes.set(Roughness=0.85)
    bricks = nodes.add("ShaderNodeTexBrick")
    upright = nodes.add("ShaderNodeMapping")
    upright.inputs["Rotation"].default_value = (math.pi / 2, 0, 0)
    upright.inputs["Scale"].default_value = (2.2, 2.2, 2.2)
    nodes.link(nodes.add("ShaderNodeTexCoord").outputs["Object"], upright.inputs[0])
    nodes.link(upright.outputs[0], bricks.inputs["Vector"])
    red, green, blue = colour
    for name, value in (
        ("Color1", colour),
        ("Color2", (red * 0.65, green * 0.7, blue * 0.75)),
        ("Mortar", (0.5, 0.47, 0.43)),
    ):
        bricks.inputs[name].default_value = (*value, 1)
    bricks.inputs["Scale"].default_value = 1
    nodes.colour(nodes.times(bricks.outputs[0], nodes.ramp(nodes.noise(3), (0.7, 0.7, 0.7), (1, 1, 1))))
    nodes.normal(nodes.bump(bricks.outputs[1], -0.6, 0.01))
    return nodes.material


def _office(rng: random.Random) -> None:
    room(
        plain((0.72, 0.74, 0.75), 0.85, mottled=0.04, scale=2),
        plain((0.16, 0.18, 0.2), 0.95, mottled=0.25, scale=40),
        back=4.4,
        side=4.5,
    )
    shift = rng.uniform(-0.6, 0.6)
    for number in range(4):
        x = shift - 2.6 + number * 1.55
        box((1.1, 0.06, 1.5), (x, 4.33, 1.75), plain((0.75, 0.87, 1), 0.5, glow=2.2), bevel=0)
        box((1.2, 0.04, 0.1), (x, 4.26, 2.5), plain((0.8, 0.8, 0.8), 0.6))
    for number in range(3):
        x = shift - 2 + number * 1.9
        box((1.4, 0.7, 0.04), (x, 2.7, 0.74), plain((0.62, 0.5, 0.36), 0.4, mottled=0.2))
        box((0.56, 0.03, 0.34), (x, 2.85, 1.02), plain((0.04, 0.05, 0.07), 0.15))
        box((0.05, 0.05, 0.2), (x, 2.87, 0.84), plain((0.1, 0.1, 0.1), 0.3))
    foliage(0.4, (2.6, 3.3, 1.1), plain((0.08, 0.2, 0.06), 0.6, mottled=0.7, scale=7), 0.06, 0.45)
    box((0.35, 0.35, 0.6), (2.6, 3.3, 0.3), plain((0.7, 0.68, 0.65), 0.5), bevel=0.03)
    surroundings((0.85, 0.92, 1), 0.3)
    lamp((0, -0.4, 2.9), (0, -0.4, 0), 1.6, 45, (0.95, 0.98, 1))
    lamp((-2.2, -1.9, 2.0), (0, 0, 1.4), 1.5, 50, (1, 0.98, 0.95))
    lamp((2.3, -1.2, 1.8), (0, 0, 1.4), 1.3, 18, (0.9, 0.95, 1))


_PLACES: Mapping[str, Callable[[random.Random], None]] = {
    "studio": _studio,
    "living_room": _living_room,
    "cafe": _cafe,
    "park": _park,
    "street": _street,
    "office": _office,
}
