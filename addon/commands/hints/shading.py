"""Materials, nodes, render engines and compositing: names that went between 2.8 and 5.x."""

from __future__ import annotations

from .row import Row

_BSDF = "m = bpy.data.materials.new('m')\nm.use_nodes = True\nn = m.node_tree.nodes['Principled BSDF']\n"
_TREE = "m = bpy.data.materials.new('m')\nm.use_nodes = True\nt = m.node_tree\n"
_GROUP = "g = bpy.data.node_groups.new('g', 'GeometryNodeTree')\n"


def _socket(old: str, new: str, more: str = "") -> Row:
    return Row(
        rf'key "{old}" not found',
        f"since 4.0 the Principled BSDF has no input {old!r}; use inputs[{new!r}]{more}",
        f"{_BSDF}n.inputs['{old}']",
        f"{_BSDF}n.inputs['{new}']",
    )


def _gone(owner: str, name: str, words: str, old: str, new: str, *, since: tuple[int, int] = (4, 2)) -> Row:
    return Row(rf"'{owner}' object has no attribute '{name}'", words, old, new, since)


def _node(old: str, new: str, words: str, *, since: tuple[int, int] = (4, 2)) -> Row:
    return Row(
        rf"Node type {old} undefined", words, f"{_TREE}t.nodes.new('{old}')", f"{_TREE}t.nodes.new('{new}')", since
    )


ROWS = (
    _socket("Specular", "Specular IOR Level"),
    _socket("Subsurface", "Subsurface Weight"),
    _socket("Subsurface Color", "Base Color", ", which colours the subsurface too"),
    _socket("Transmission", "Transmission Weight"),
    _socket("Transmission Roughness", "Roughness"),
    _socket("Clearcoat", "Coat Weight"),
    _socket("Clearcoat Roughness", "Coat Roughness"),
    _socket("Clearcoat Normal", "Coat Normal"),
    _socket("Sheen", "Sheen Weight"),
    _socket("Emission", "Emission Color", ", and 'Emission Strength', which is 0 by default"),
    _node("ShaderNodeTexMusgrave", "ShaderNodeTexNoise", "since 4.1 Musgrave is ShaderNodeTexNoise with a noise_type"),
    _node("ShaderNodeBsdfVelvet", "ShaderNodeBsdfSheen", "since 4.0 it is ShaderNodeBsdfSheen"),
    Row(
        r"'\w+NodeTree' object has no attribute 'inputs'",
        "since 4.0: tree.interface.new_socket(name='Value', in_out='INPUT', socket_type='NodeSocketFloat')",
        f"{_GROUP}g.inputs.new('NodeSocketFloat', 'Value')",
        f"{_GROUP}g.interface.new_socket(name='Value', in_out='INPUT', socket_type='NodeSocketFloat')",
    ),
    Row(
        r"'\w+NodeTree' object has no attribute 'outputs'",
        "since 4.0: tree.interface.new_socket(name='Value', in_out='OUTPUT', socket_type='NodeSocketFloat')",
        f"{_GROUP}g.outputs.new('NodeSocketFloat', 'Value')",
        f"{_GROUP}g.interface.new_socket(name='Value', in_out='OUTPUT', socket_type='NodeSocketFloat')",
    ),
    Row(
        r'enum "BLENDER_EEVEE" not found',
        "in 4.2 to 4.5 EEVEE is 'BLENDER_EEVEE_NEXT'",
        "bpy.context.scene.render.engine = 'BLENDER_EEVEE'",
        "bpy.context.scene.render.engine = 'BLENDER_EEVEE_NEXT'",
        until=(5, 0),
    ),
    Row(
        r'enum "BLENDER_EEVEE_NEXT" not found',
        "since 5.0 EEVEE is 'BLENDER_EEVEE' again",
        "bpy.context.scene.render.engine = 'BLENDER_EEVEE_NEXT'",
        "bpy.context.scene.render.engine = 'BLENDER_EEVEE'",
        since=(5, 0),
    ),
    Row(
        r'enum "(BLENDER_RENDER|BLENDER_GAME)" not found',
        "since 2.8 the engines are 'CYCLES', 'BLENDER_WORKBENCH' and EEVEE",
        "bpy.context.scene.render.engine = 'BLENDER_RENDER'",
        "bpy.context.scene.render.engine = 'CYCLES'",
    ),
    Row(
        r"'Material' object has no attribute 'shadow_method'",
        "since 4.2 transparency of shadows is material.use_transparent_shadow",
        "bpy.data.materials.new('m').shadow_method = 'HASHED'",
        "bpy.data.materials.new('m').use_transparent_shadow = True",
        since=(4, 5),
    ),
    _gone(
        "Material",
        "diffuse_intensity",
        "since 2.8 materials are node trees: set inputs of the Principled BSDF",
        "bpy.data.materials.new('m').diffuse_intensity = 1",
        f"{_BSDF}n.inputs['Base Color'].default_value = (1, 0, 0, 1)",
    ),
    _gone(
        "Material",
        "use_shadeless",
        "since 2.8: an Emission node (ShaderNodeEmission)",
        "bpy.data.materials.new('m').use_shadeless = True",
        f"{_TREE}t.nodes.new('ShaderNodeEmission')",
    ),
    _gone(
        "Material",
        "alpha",
        "since 2.8: inputs['Alpha'] of the Principled BSDF",
        "bpy.data.materials.new('m').alpha = 0.5",
        f"{_BSDF}n.inputs['Alpha'].default_value = 0.5",
    ),
    _gone(
        "Material",
        "emit",
        "since 2.8: inputs['Emission Strength'] of the Principled BSDF",
        "bpy.data.materials.new('m').emit = 1",
        f"{_BSDF}n.inputs['Emission Strength'].default_value = 1",
    ),
    _gone(
        "SceneEEVEE",
        "use_bloom",
        "since 4.2 bloom is a Glare node of the compositor",
        "bpy.context.scene.eevee.use_bloom = True",
        "bpy.context.scene.eevee.use_raytracing = True",
        since=(5, 0),
    ),
    _gone(
        "SceneEEVEE",
        "use_ssr",
        "since 4.2: scene.eevee.use_raytracing",
        "bpy.context.scene.eevee.use_ssr = True",
        "bpy.context.scene.eevee.use_raytracing = True",
        since=(5, 0),
    ),
    _gone(
        "SceneEEVEE",
        "use_gtao",
        "since 4.2 ambient occlusion comes with scene.eevee.use_raytracing",
        "bpy.context.scene.eevee.use_gtao = True",
        "bpy.context.scene.eevee.use_raytracing = True",
        since=(5, 0),
    ),
    _gone(
        "SceneEEVEE",
        "use_soft_shadows",
        "since 4.2 shadows are soft by the size of the light",
        "bpy.context.scene.eevee.use_soft_shadows = True",
        "bpy.data.lights['Light'].shadow_soft_size = 0.1",
        since=(5, 0),
    ),
    _gone(
        "RenderSettings",
        "tile_x",
        "since 3.0: scene.cycles.tile_size",
        "bpy.context.scene.render.tile_x = 256",
        "bpy.context.scene.cycles.tile_size = 256",
    ),
    _gone(
        "RenderSettings",
        "alpha_mode",
        "since 2.8: scene.render.film_transparent = True",
        "bpy.context.scene.render.alpha_mode = 'TRANSPARENT'",
        "bpy.context.scene.render.film_transparent = True",
    ),
    _gone(
        "RenderSettings",
        "layers",
        "since 2.8: scene.view_layers",
        "bpy.context.scene.render.layers[0]",
        "bpy.context.scene.view_layers[0]",
    ),
    _gone(
        "Scene",
        "node_tree",
        "since 5.0 compositing is a node group: scene.compositing_node_group",
        "bpy.context.scene.node_tree.nodes",
        "g = bpy.data.node_groups.new('c', 'CompositorNodeTree')\nbpy.context.scene.compositing_node_group = g",
        since=(5, 0),
    ),
    Row(
        r"CompositorNodeComposite",
        "since 5.0 the compositor ends in a group output: NodeGroupOutput",
        "bpy.data.node_groups.new('c', 'CompositorNodeTree').nodes.new('CompositorNodeComposite')",
        "bpy.data.node_groups.new('c', 'CompositorNodeTree').nodes.new('NodeGroupOutput')",
        since=(5, 0),
    ),
    Row(
        r'enum "FFMPEG" not found',
        "since 5.0 say what it is first: image_settings.media_type = 'VIDEO'",
        "bpy.context.scene.render.image_settings.file_format = 'FFMPEG'",
        "s = bpy.context.scene.render.image_settings\ns.media_type = 'VIDEO'\ns.file_format = 'FFMPEG'",
        since=(5, 0),
    ),
    _gone(
        "World",
        "horizon_color",
        "since 2.8: world.color, or the Background node of its node tree",
        "bpy.data.worlds[0].horizon_color = (0, 0, 0)",
        "bpy.data.worlds[0].color = (0, 0, 0)",
    ),
)
