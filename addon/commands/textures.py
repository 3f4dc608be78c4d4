"""Materials from texture maps: a Principled graph with colour spaces, normal, packed ARM and ambient occlusion."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from ..fetch.polyhaven import MAP_NAMES
from .compat import multiply_colors, new_node_tree, principled_input
from .registry import CommandError

# On the images of a downloaded texture: whose map, and which. They outlive renaming and saving.
ASSET, ROLE = "blender_bus_asset", "blender_bus_map"
DISPLACEMENT_SCALE = 0.05
_COLOURS = ("diffuse", "emission")


def load_image(command: str, path: Path, name: str, *, is_data: bool = False) -> Any:
    """Load and pack an image. Raises CommandError if the file holds none."""
    image = bpy.data.images.load(str(path))
    # Reading a pixel loads the file; an unreadable one has no size.
    if not image.size[0] or not len(image.pixels):
        bpy.data.images.remove(image)
        raise CommandError(f"{command}: {path.name} is not an image that Blender can read")
    image.name = name
    if is_data:
        image.colorspace_settings.name = "Non-Color"
    image.pack()
    return image


def keep_maps(command: str, asset_id: str, files: dict[str, Path]) -> dict[str, Any]:
    """Load the maps of a texture (role -> file), in place of earlier ones of the same asset."""
    for old in [image for image in bpy.data.images if image.get(ASSET) == asset_id]:
        bpy.data.images.remove(old)
    images = {}
    for role, path in files.items():
        image = load_image(command, path, f"{asset_id}_{role}", is_data=role not in _COLOURS)
        image[ASSET], image[ROLE] = asset_id, role
        images[role] = image
    return images


def maps_of(asset_id: str) -> dict[str, Any]:
    """Return role -> image of a texture that was downloaded into this file."""
    found = {image[ROLE]: image for image in bpy.data.images if image.get(ASSET) == asset_id}
    return {role: found[role] for role in MAP_NAMES if role in found}


def build_material(asset_id: str, images: dict[str, Any]) -> Any:
    """Return the material of a texture, built anew from its maps."""
    material = next((item for item in bpy.data.materials if item.get(ASSET) == asset_id), None)
    if material is None:
        material = bpy.data.materials.new(asset_id)
        material[ASSET] = asset_id
    _Graph(new_node_tree(material), images).build()
    return material


class _Graph:
    def __init__(self, tree: Any, images: dict[str, Any]) -> None:
        self._tree = tree
        self._images = images
        self._output = self._new("ShaderNodeOutputMaterial", 600, 0)
        self._shader = self._new("ShaderNodeBsdfPrincipled", 300, 0)
        self._link(self._shader.outputs["BSDF"], self._output.inputs["Surface"])
        coordinates = self._new("ShaderNodeTexCoord", -1100, 0)
        self._mapping = self._new("ShaderNodeMapping", -900, 0)
        self._link(coordinates.outputs["UV"], self._mapping.inputs["Vector"])
        self._row = 400

    def build(self) -> None:
        """Make every node the maps ask for."""
        occlusion = self._packed() or self._value("ao")
        self._colour(occlusion)
        for role, names in {"roughness": ("Roughness",), "metallic": ("Metallic",), "alpha": ("Alpha",)}.items():
            value = self._value(role)
            if value is not None:
                self._link(value, principled_input(self._shader, *names))
        if "emission" in self._images:
            self._link(self._texture("emission"), principled_input(self._shader, "Emission Color", "Emission"))
            principled_input(self._shader, "Emission Strength").default_value = 1.0
        self._normal()
        self._displacement()

    def _packed(self) -> Any:
        """One image for three: ambient occlusion in red, roughness in green, metallic in blue."""
        if "arm" not in self._images:
            return None
        split = self._new("ShaderNodeSeparateColor", -250, -100)
        self._link(self._texture("arm"), split.inputs[0])
        self._link(split.outputs[1], principled_input(self._shader, "Roughness"))
        self._link(split.outputs[2], principled_input(self._shader, "Metallic"))
        return split.outputs[0]

    def _colour(self, occlusion: Any) -> None:
        if "diffuse" not in self._images:
            return
        colour = self._texture("diffuse")
        if occlusion is not None:
            node, first, second, output = multiply_colors(self._tree)
            node.location = (0, 300)
            node.label = "Ambient Occlusion"
            self._link(colour, first)
            self._link(occlusion, second)
            colour = output
        self._link(colour, principled_input(self._shader, "Base Color"))

    def _normal(self) -> None:
        if "normal" in self._images:
            bend = self._new("ShaderNodeNormalMap", 0, -400)
            self._link(self._texture("normal"), bend.inputs["Color"])
            self._link(bend.outputs["Normal"], principled_input(self._shader, "Normal"))

    def _displacement(self) -> None:
        if "displacement" in self._images:
            height = self._new("ShaderNodeDisplacement", 300, -600)
            height.inputs["Scale"].default_value = DISPLACEMENT_SCALE
            self._link(self._texture("displacement"), height.inputs["Height"])
            self._link(height.outputs["Displacement"], self._output.inputs["Displacement"])

    def _value(self, role: str) -> Any:
        return self._texture(role) if role in self._images else None

    def _texture(self, role: str) -> Any:
        node = self._new("ShaderNodeTexImage", -600, self._row)
        self._row -= 300
        node.image = self._images[role]
        node.label = role
        self._link(self._mapping.outputs["Vector"], node.inputs["Vector"])
        return node.outputs["Color"]

    def _new(self, kind: str, x: float, y: float) -> Any:
        node = self._tree.nodes.new(kind)
        node.location = (x, y)
        return node

    def _link(self, output: Any, input: Any) -> None:
        self._tree.links.new(output, input)


def material_info(material: Any) -> dict[str, Any]:
    """Return what set_texture tells of a material."""
    tree = material.node_tree
    textures = [
        {
            "name": node.name,
            "image": node.image.name,
            "colorspace": node.image.colorspace_settings.name,
            "connections": [
                f"{link.from_socket.name} -> {link.to_node.name}.{link.to_socket.name}"
                for output in node.outputs
                for link in output.links
            ],
        }
        for node in tree.nodes
        if node.type == "TEX_IMAGE" and node.image is not None
    ]
    return {"name": material.name, "has_nodes": True, "node_count": len(tree.nodes), "texture_nodes": textures}


def light_with(image: Any) -> None:
    """Light the scene with an environment image, in a world of its own so that the earlier one is not changed."""
    world = bpy.data.worlds.new(image.name)
    tree = new_node_tree(world)
    kinds = ("TexCoord", "Mapping", "TexEnvironment", "Background", "OutputWorld")
    nodes = [tree.nodes.new(f"ShaderNode{kind}") for kind in kinds]
    for place, node in enumerate(nodes):
        node.location = (place * 250 - 800, 0)
    coordinates, mapping, environment, background, output = nodes
    environment.image = image
    tree.links.new(coordinates.outputs["Generated"], mapping.inputs["Vector"])
    tree.links.new(mapping.outputs["Vector"], environment.inputs["Vector"])
    tree.links.new(environment.outputs["Color"], background.inputs["Color"])
    tree.links.new(background.outputs["Background"], output.inputs["Surface"])
    bpy.context.scene.world = world
