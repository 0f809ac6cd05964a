"""Skin, eyes, hair and cloth as Blender materials. Runs inside the photographing process: needs bpy."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from PIL import Image

from tools.synthetic_people import wardrobe
from tools.synthetic_people.body import Part
from tools.synthetic_people.traits import Clothes, Person
from tools.synthetic_people.wardrobe import RGB

BROW_DARKER = 0.8
"""Brows are a little darker than the hair."""

TEETH = (1.3, 1.25, 1.2)
"""Factor on the texture's colours, which look grey in the shadow of the lips."""


class Nodes:
    """A new material: a Principled BSDF, and short ways to add nodes before it."""

    def __init__(self, name: str) -> None:
        self.material = bpy.data.materials.new(name)
        self.material.use_nodes = True
        self.tree = self.material.node_tree
        self.tree.nodes.clear()
        self.output = self.add("ShaderNodeOutputMaterial")
        self.bsdf = self.add("ShaderNodeBsdfPrincipled")
        self.link(self.bsdf.outputs[0], self.output.inputs[0])

    def add(self, kind: str, **fields: Any) -> Any:
        node = self.tree.nodes.new(kind)
        for name, value in fields.items():
            setattr(node, name, value)
        return node

    def link(self, source: Any, sink: Any) -> None:
        self.tree.links.new(source, sink)

    def set(self, **inputs: float | Sequence[float]) -> None:
        """Inputs of the BSDF, with _ for a space."""
        for name, value in inputs.items():
            self.bsdf.inputs[name.replace("_", " ")].default_value = value

    def colour(self, source: Any) -> None:
        self.link(source, self.bsdf.inputs["Base Color"])

    def flat(self, colour: RGB) -> None:
        self.bsdf.inputs["Base Color"].default_value = (*colour, 1)

    def image(self, path: Path) -> Any:
        node = self.add("ShaderNodeTexImage")
        node.image = bpy.data.images.load(str(path), check_existing=True)
        return node

    def times(self, source: Any, factor: Any) -> Any:
        """A colour times another (a socket or three numbers)."""
        node = self.add("ShaderNodeMix", data_type="RGBA", blend_type="MULTIPLY")
        node.inputs[0].default_value = 1
        self.link(source, node.inputs[6])
        if isinstance(factor, tuple):
            node.inputs[7].default_value = (*factor, 1)
        else:
            self.link(factor, node.inputs[7])
        return node.outputs[2]

    def grey(self, source: Any) -> Any:
        node = self.add("ShaderNodeRGBToBW")
        self.link(source, node.inputs[0])
        return node.outputs[0]

    def noise(self, scale: float, detail: float = 4, roughness: float = 0.6) -> Any:
        node = self.add("ShaderNodeTexNoise")
        for name, value in (("Scale", scale), ("Detail", detail), ("Roughness", roughness)):
            node.inputs[name].default_value = value
        self.link(self.add("ShaderNodeTexCoord").outputs["Object"], node.inputs["Vector"])
        return node.outputs[0]

    def ramp(self, source: Any, low: RGB, high: RGB, start: float = 0.35, end: float = 0.65) -> Any:
        node = self.add("ShaderNodeValToRGB")
        first, last = node.color_ramp.elements
        first.position, last.position = start, end
        first.color, last.color = (*low, 1), (*high, 1)
        self.link(source, node.inputs[0])
        return node.outputs[0]

    def bump(self, source: Any, strength: float, distance_m: float, under: Any = None) -> Any:
        node = self.add("ShaderNodeBump")
        node.inputs["Strength"].default_value = strength
        node.inputs["Distance"].default_value = distance_m
        self.link(source, node.inputs["Height"])
        if under is not None:
            self.link(under, node.inputs["Normal"])
        return node.outputs[0]

    def normal(self, source: Any) -> None:
        self.link(source, self.bsdf.inputs["Normal"])


def materials_of(part: Part, person: Person, clothes: Clothes) -> list[Any]:
    """The part's material; for a coloured garment a second one, for what lies below the belt."""
    if part.kind == "body":
        return [_skin(part, person)]
    if part.kind == "eyes":
        return [_eyes(part)]
    if part.kind in ("hair", "eyebrows"):
        darker = BROW_DARKER if part.kind == "eyebrows" else 1.0
        return [_hair(part, tuple(darker * x for x in wardrobe.HAIR_COLOURS[person.hair.colour]))]
    if part.kind == "eyelashes":
        return [_hair(part, wardrobe.HAIR_COLOURS["black"])]
    if part.kind in ("teeth", "tongue"):
        return [_mouth(part)]
    if part.name in wardrobe.SHOES.values() or clothes.colour is None:
        return [_cloth(part, None)]
    return [_cloth(part, wardrobe.CLOTH_COLOURS[clothes.colour]), _cloth(part, None)]


def _skin(part: Part, person: Person) -> Any:
    nodes = Nodes("skin")
    image = nodes.image(part.texture("diffuse")).outputs[0]
    _, tint = wardrobe.skin_of(person.gender, person.skin.tone, person.age)
    colour = nodes.times(image, tint)
    blotches = nodes.ramp(nodes.noise(45, 5), (0.93, 0.88, 0.87), (1, 1, 1), 0.3, 0.7)
    colour = nodes.times(colour, blotches)
    if amount := person.skin.freckles:
        spot = (1 - 0.35 * amount, 1 - 0.5 * amount, 1 - 0.6 * amount)
        colour = nodes.times(colour, nodes.ramp(nodes.noise(620, 2), (1, 1, 1), spot, 0.62, 0.74))
    nodes.colour(colour)
    nodes.set(
        Subsurface_Weight=0.22,
        Subsurface_Scale=0.012,
        Subsurface_Radius=(1, 0.32, 0.16),
        Specular_IOR_Level=0.42,
    )
    nodes.link(nodes.ramp(nodes.noise(70), (0.36,) * 3, (0.55,) * 3), nodes.bsdf.inputs["Roughness"])
    pores = nodes.bump(nodes.noise(1500, 3, 0.7), 0.16, 0.0006)
    pores = nodes.bump(nodes.noise(330, 3), 0.12, 0.0009, pores)
    nodes.normal(nodes.bump(nodes.grey(image), 0.25, 0.002, pores))
    return nodes.material


def _eyes(part: Part) -> Any:
    """An opaque eyeball where the texture is opaque, else a clear cornea that only reflects."""
    nodes = Nodes("eyes")
    image = nodes.image(part.texture("diffuse"))
    nodes.colour(nodes.times(image.outputs[0], (0.82, 0.82, 0.82)))
    nodes.set(Roughness=0.12, Subsurface_Weight=0.1, Subsurface_Scale=0.004)
    clear, gloss = nodes.add("ShaderNodeBsdfTransparent"), nodes.add("ShaderNodeBsdfGlossy")
    gloss.inputs["Roughness"].default_value = 0.03
    fresnel, cornea, whole = (
        nodes.add(f"ShaderNode{kind}") for kind in ("Fresnel", "MixShader", "MixShader")
    )
    fresnel.inputs[0].default_value = 1.38  # the cornea's index of refraction
    for sink, source in zip(cornea.inputs, (fresnel, clear, gloss), strict=True):
        nodes.link(source.outputs[0], sink)
    for sink, source in zip(
        whole.inputs, (image.outputs[1], cornea.outputs[0], nodes.bsdf.outputs[0]), strict=True
    ):
        nodes.link(source, sink)
    nodes.link(whole.outputs[0], nodes.output.inputs[0])
    return nodes.material


def _hair(part: Part, colour: RGB) -> Any:
    """The texture's light and dark in another colour, with thin strands along the cards."""
    nodes = Nodes(part.kind)
    image = nodes.image(part.texture("diffuse"))
    mean = mean_luminance(part.texture("diffuse"))
    shade = nodes.times(nodes.grey(image.outputs[0]), tuple(x / mean for x in colour))
    alpha = nodes.add("ShaderNodeMath", operation="MULTIPLY")
    alpha.inputs[1].default_value = {"hair": 1.0, "eyebrows": 0.8, "eyelashes": 0.9}[part.kind]
    nodes.link(image.outputs[1], alpha.inputs[0])
    nodes.link(alpha.outputs[0], nodes.bsdf.inputs["Alpha"])
    nodes.set(Roughness=0.58, Specular_IOR_Level=0.14)
    nodes.colour(shade)
    if part.kind == "hair":
        strands = nodes.add("ShaderNodeTexNoise")
        strands.inputs["Scale"].default_value, strands.inputs["Detail"].default_value = 1.0, 3
        stretch = nodes.add("ShaderNodeMapping")
        stretch.inputs["Scale"].default_value = (230, 4, 1)
        nodes.link(nodes.add("ShaderNodeTexCoord").outputs["UV"], stretch.inputs[0])
        nodes.link(stretch.outputs[0], strands.inputs["Vector"])
        nodes.colour(
            nodes.times(shade, nodes.ramp(strands.outputs[0], (0.45, 0.42, 0.4), (1.25,) * 3, 0.3, 0.7))
        )
        under = nodes.bump(nodes.grey(image.outputs[0]), 0.5, 0.004)
        nodes.normal(nodes.bump(strands.outputs[0], 0.5, 0.003, under))
    return nodes.material


def _mouth(part: Part) -> Any:
    nodes = Nodes(part.kind)
    nodes.colour(nodes.times(nodes.image(part.texture("diffuse")).outputs[0], TEETH))
    nodes.set(Roughness=0.2, Subsurface_Weight=0.1, Subsurface_Scale=0.003)
    return nodes.material


def _cloth(part: Part, colour: RGB | None) -> Any:
    """Textured, or plain in `colour` with the folds' shadows. Normal maps are left out: most copies lack some."""
    nodes = Nodes("cloth")
    if colour is None:
        image = nodes.image(part.texture("diffuse"))
        nodes.colour(image.outputs[0])
        nodes.link(image.outputs[1], nodes.bsdf.inputs["Alpha"])
    else:
        nodes.colour(nodes.times(nodes.image(part.texture("aomap")).outputs[0], colour))
    nodes.set(Roughness=0.8, Specular_IOR_Level=0.25, Sheen_Weight=0.15)
    nodes.normal(nodes.bump(nodes.noise(900, 2), 0.25, 0.0012))
    return nodes.material


@lru_cache(maxsize=16)
def mean_luminance(path: Path) -> float:
    """Mean linear luminance of a texture's opaque part, at least 0.005."""
    rgba = np.asarray(Image.open(path).convert("RGBA").resize((256, 256)), np.float64) / 255
    luminance = (rgba[..., :3] ** 2.2) @ (0.2126, 0.7152, 0.0722)
    seen = rgba[..., 3] > 0.5
    return max(0.005, float(luminance[seen].mean()) if seen.any() else 1.0)
