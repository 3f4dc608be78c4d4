"""Operators, their arguments, and functions: what is called in another way since 2.8 to 5.x."""

from __future__ import annotations

from .row import Row

_TMP = "import tempfile\n"
_O = "o = bpy.data.objects['Cube']\n"


def _operator(old: str, new: str, words: str = "", code: str = "") -> Row:
    return Row(
        rf'"bpy\.ops\.{old}" error, could not be found',
        words or f"it is bpy.ops.{new}",
        f"bpy.ops.{old}()",
        code or f"bpy.ops.{new}.get_rna_type()",
    )


def _argument(operator: str, old: str, words: str, new: str, value: str = "1") -> Row:
    return Row(rf'keyword "{old}" unrecognized', words, f"bpy.ops.{operator}({old}={value})", new)


ROWS = (
    _operator("import_scene.obj", "wm.obj_import", "since 4.0: bpy.ops.wm.obj_import(filepath=...)"),
    _operator(
        "export_scene.obj",
        "wm.obj_export",
        "since 4.0: bpy.ops.wm.obj_export(filepath=..., export_selected_objects=...)",
        _TMP + "bpy.ops.wm.obj_export(filepath=f'{tempfile.mkdtemp()}/a.obj', export_selected_objects=True)",
    ),
    _operator("import_mesh.stl", "wm.stl_import", "since 4.2: bpy.ops.wm.stl_import(filepath=...)"),
    _operator(
        "export_mesh.stl",
        "wm.stl_export",
        "since 4.2: bpy.ops.wm.stl_export(filepath=..., export_selected_objects=...)",
        _TMP + "bpy.ops.wm.stl_export(filepath=f'{tempfile.mkdtemp()}/a.stl', export_selected_objects=True)",
    ),
    _operator("import_mesh.ply", "wm.ply_import", "since 4.0: bpy.ops.wm.ply_import(filepath=...)"),
    _operator(
        "export_mesh.ply",
        "wm.ply_export",
        "since 4.0: bpy.ops.wm.ply_export(filepath=...)",
        _TMP + "bpy.ops.wm.ply_export(filepath=f'{tempfile.mkdtemp()}/a.ply')",
    ),
    _operator(
        "object.lamp_add",
        "object.light_add",
        "since 2.8: bpy.ops.object.light_add(type=...)",
        "bpy.ops.object.light_add(type='POINT')",
    ),
    _operator(
        "object.group_link",
        "object.collection_link",
        "since 2.8: bpy.ops.object.collection_link, or collection.objects.link(object)",
    ),
    _operator(
        "object.group_instance_add",
        "object.collection_instance_add",
        "since 2.8: bpy.ops.object.collection_instance_add",
    ),
    _operator(
        "view3d.viewnumpad",
        "view3d.view_axis",
        "since 2.8: bpy.ops.view3d.view_axis(type='TOP')",
        "bpy.ops.view3d.view_axis(type='TOP')",
    ),
    _operator(
        "scene.render_layer_add",
        "scene.view_layer_add",
        "since 2.8: bpy.ops.scene.view_layer_add()",
        "bpy.ops.scene.view_layer_add()",
    ),
    _operator("wm.addon_enable", "preferences.addon_enable", "since 2.8: bpy.ops.preferences.addon_enable(module=...)"),
    _argument(
        "mesh.primitive_cube_add",
        "radius",
        "since 2.8 cubes, planes, grids and monkeys have size=, twice the old radius",
        "bpy.ops.mesh.primitive_cube_add(size=2)",
    ),
    _argument(
        "mesh.primitive_uv_sphere_add",
        "size",
        "spheres, cylinders, cones and circles have radius=",
        "bpy.ops.mesh.primitive_uv_sphere_add(radius=1)",
    ),
    _argument(
        "mesh.primitive_cube_add",
        "view_align",
        "since 2.8: align='VIEW'",
        "bpy.ops.mesh.primitive_cube_add(align='WORLD')",
        "True",
    ),
    _argument(
        "mesh.primitive_cube_add",
        "layers",
        "since 2.8 there are collections: link the object to one",
        "bpy.ops.mesh.primitive_cube_add()",
        "[True] * 20",
    ),
    _argument(
        "transform.rotate",
        "axis",
        "since 2.8: orient_axis='Z'",
        "bpy.ops.transform.rotate(value=0.5, orient_axis='Z')",
        "(0, 0, 1)",
    ),
    _argument(
        "transform.translate",
        "proportional",
        "since 2.8: use_proportional_edit=True",
        "bpy.ops.transform.translate(value=(0, 0, 1), use_proportional_edit=False)",
        "'DISABLED'",
    ),
    _argument(
        "transform.translate",
        "constraint_orientation",
        "since 2.8: orient_type='GLOBAL'",
        "bpy.ops.transform.translate(value=(0, 0, 1), orient_type='GLOBAL')",
        "'GLOBAL'",
    ),
    _argument(
        "object.shade_smooth",
        "use_auto_smooth",
        "since 4.1: bpy.ops.object.shade_smooth_by_angle(angle=...)",
        "bpy.ops.object.shade_smooth(keep_sharp_edges=True)",
        "True",
    ),
    _argument(
        "export_scene.gltf",
        "export_colors",
        "since 4.2: export_vertex_color='MATERIAL'",
        "bpy.ops.export_scene.gltf.get_rna_type().properties['export_vertex_color']",
        "True",
    ),
    Row(
        r"args execution context is supported",
        "since 4.0 operators take no context dictionary: with bpy.context.temp_override(**members): bpy.ops...()",
        "bpy.ops.object.select_all(bpy.context.copy(), action='SELECT')",
        f"{_O}with bpy.context.temp_override(active_object=o):\n    bpy.ops.object.select_all(action='SELECT')",
    ),
    Row(
        r"Element-wise multiplication: not supported between 'Matrix' and 'Vector'",
        "since 2.8 matrices are multiplied by @: matrix @ vector",
        "bpy.data.objects['Cube'].matrix_world * mathutils.Vector((1, 0, 0))",
        "bpy.data.objects['Cube'].matrix_world @ mathutils.Vector((1, 0, 0))",
    ),
    Row(
        r"to_mesh\(\)",
        "since 2.8: object.evaluated_get(bpy.context.evaluated_depsgraph_get()).to_mesh()",
        f"{_O}o.to_mesh(bpy.context.scene, True, 'PREVIEW')",
        f"{_O}o.evaluated_get(bpy.context.evaluated_depsgraph_get()).to_mesh()",
    ),
    Row(
        r"new_from_object\(\)",
        "since 2.8: bpy.data.meshes.new_from_object(object.evaluated_get(depsgraph))",
        f"{_O}bpy.data.meshes.new_from_object(bpy.context.scene, o, True, 'PREVIEW')",
        f"{_O}bpy.data.meshes.new_from_object(o.evaluated_get(bpy.context.evaluated_depsgraph_get()))",
    ),
    Row(
        r"Scene\.ray_cast\(\)",
        "since 2.91 the first argument is a dependency graph: bpy.context.evaluated_depsgraph_get()",
        "bpy.context.scene.ray_cast(bpy.context.view_layer, (0, 0, 5), (0, 0, -1))",
        "bpy.context.scene.ray_cast(bpy.context.evaluated_depsgraph_get(), (0, 0, 5), (0, 0, -1))",
    ),
    Row(
        r"size\(\) takes|size expected|blf\.size",
        "since 4.0: blf.size(font, size), without the dpi",
        "import blf\nblf.size(0, 12, 72)",
        "import blf\nblf.size(0, 12)",
    ),
    Row(
        r"No module named 'bgl'",
        "since 5.0 drawing is done with the gpu module",
        "import bgl",
        "import gpu",
        since=(5, 0),
    ),
    Row(
        r"has no attribute 'register_module'",
        "since 2.8: bpy.utils.register_class for each class",
        "bpy.utils.register_module(__name__)",
        "bpy.utils.register_class",
    ),
    Row(
        r"'INFO_MT_file_(im|ex)port'",
        "since 2.8: bpy.types.TOPBAR_MT_file_import and TOPBAR_MT_file_export",
        "bpy.types.INFO_MT_file_export.append",
        "bpy.types.TOPBAR_MT_file_export.append",
    ),
)
