"""Objects, meshes, animation, collections: names that went between 2.8 and 5.x."""

from __future__ import annotations

from .row import Row, Version

_O = "o = bpy.data.objects['Cube']\n"
_M = "m = bpy.data.objects['Cube'].data\n"
_ARM = "a = bpy.data.armatures.new('a')\no = bpy.data.objects.new('a', a)\nbpy.context.collection.objects.link(o)\n"
_ACT = "o = bpy.data.objects['Cube']\no.keyframe_insert('location', frame=1)\na = o.animation_data.action\n"
_GN = (
    "m = bpy.data.objects['Cube'].modifiers.new('m', 'NODES')\n"
    "m.node_group = bpy.data.node_groups.new('g', 'GeometryNodeTree')\n"
    "s = m.node_group.interface.new_socket('Size', in_out='INPUT', socket_type='NodeSocketFloat')\n"
)


def _gone(owner: str, name: str, words: str, old: str, new: str, since: Version = (4, 2)) -> Row:
    return Row(rf"'{owner}' object has no attribute '{name}'", words, old, new, since)


def _scene_objects(name: str, words: str, old: str, new: str) -> Row:
    return Row(rf'scene\.objects\.{name}\b[\s\S]*attribute "?{name}"? not found', words, old, new)


ROWS = (
    # -- meshes
    _gone(
        "Mesh",
        "use_auto_smooth",
        "since 4.1: bpy.ops.object.shade_smooth_by_angle(), or mesh.set_sharp_from_angle(angle=...)",
        f"{_M}m.use_auto_smooth = True",
        f"{_M}m.shade_smooth()\nm.set_sharp_from_angle(angle=0.5)",
    ),
    _gone(
        "Mesh",
        "auto_smooth_angle",
        "since 4.1: mesh.set_sharp_from_angle(angle=...)",
        f"{_M}m.auto_smooth_angle = 0.5",
        f"{_M}m.set_sharp_from_angle(angle=0.5)",
    ),
    _gone(
        "Mesh",
        "calc_normals",
        "since 4.0 normals are worked out when they are read; leave it out",
        f"{_M}m.calc_normals()",
        f"{_M}m.vertex_normals[0]",
    ),
    _gone(
        "Mesh",
        "calc_normals_split",
        "since 4.1: mesh.corner_normals; leave it out",
        f"{_M}m.calc_normals_split()",
        f"{_M}m.corner_normals[0].vector",
    ),
    _gone(
        "Mesh",
        "free_normals_split",
        "since 4.1 there is nothing to free; leave it out",
        f"{_M}m.free_normals_split()",
        f"{_M}m.corner_normals[0].vector",
    ),
    _gone(
        "Mesh",
        "create_normals_split",
        "since 4.1: mesh.normals_split_custom_set(normals)",
        f"{_M}m.create_normals_split()",
        f"{_M}m.normals_split_custom_set([(0, 0, 1)] * len(m.loops))",
    ),
    _gone(
        "Mesh",
        "face_maps",
        "since 4.0: mesh.attributes.new(name, 'INT', 'FACE')",
        f"{_M}m.face_maps",
        f"{_M}m.attributes.new('map', 'INT', 'FACE')",
    ),
    _gone("Mesh", "uv_textures", "since 2.8: mesh.uv_layers", f"{_M}m.uv_textures", f"{_M}m.uv_layers[0]"),
    _gone(
        "Mesh",
        "tessfaces",
        "since 2.8: mesh.calc_loop_triangles(), then mesh.loop_triangles",
        f"{_M}m.tessfaces",
        f"{_M}m.calc_loop_triangles()\nm.loop_triangles[0]",
    ),
    _gone(
        "Mesh",
        "show_double_sided",
        "since 2.8: material.use_backface_culling",
        f"{_M}m.show_double_sided = True",
        "bpy.data.materials.new('m').use_backface_culling = False",
    ),
    _gone(
        "Mesh",
        "use_customdata_edge_crease",
        "since 4.0: mesh.attributes.new('crease_edge', 'FLOAT', 'EDGE')",
        f"{_M}m.use_customdata_edge_crease = True",
        f"{_M}m.attributes.new('crease_edge', 'FLOAT', 'EDGE')",
    ),
    _gone(
        "MeshVertex",
        "bevel_weight",
        "since 4.0: mesh.attributes.new('bevel_weight_vert', 'FLOAT', 'POINT').data[i].value",
        f"{_M}m.vertices[0].bevel_weight = 1",
        f"{_M}m.attributes.new('bevel_weight_vert', 'FLOAT', 'POINT').data[0].value = 1",
    ),
    _gone(
        "MeshEdge",
        "bevel_weight",
        "since 4.0: mesh.attributes.new('bevel_weight_edge', 'FLOAT', 'EDGE').data[i].value",
        f"{_M}m.edges[0].bevel_weight = 1",
        f"{_M}m.attributes.new('bevel_weight_edge', 'FLOAT', 'EDGE').data[0].value = 1",
    ),
    _gone(
        "MeshEdge",
        "crease",
        "since 4.0: mesh.attributes.new('crease_edge', 'FLOAT', 'EDGE').data[i].value",
        f"{_M}m.edges[0].crease = 1",
        f"{_M}m.attributes.new('crease_edge', 'FLOAT', 'EDGE').data[0].value = 1",
    ),
    # -- objects and scenes
    _gone(
        "Object",
        "select",
        "since 2.8: object.select_set(True), and select_get() to ask",
        f"{_O}o.select = True",
        f"{_O}o.select_set(True)",
    ),
    _gone(
        "Object",
        "hide",
        "since 2.8: object.hide_set(True) for this view layer, object.hide_viewport for all",
        f"{_O}o.hide = True",
        f"{_O}o.hide_set(True)\no.hide_viewport = True",
    ),
    _gone(
        "Object",
        "layers",
        "since 2.8: collections; collection.objects.link(object)",
        f"{_O}o.layers[0] = True",
        f"{_O}bpy.data.collections.new('c').objects.link(o)",
    ),
    _gone(
        "Object",
        "draw_type",
        "since 2.8: object.display_type",
        f"{_O}o.draw_type = 'WIRE'",
        f"{_O}o.display_type = 'WIRE'",
    ),
    _gone(
        "Object",
        "show_x_ray",
        "since 2.8: object.show_in_front",
        f"{_O}o.show_x_ray = True",
        f"{_O}o.show_in_front = True",
    ),
    _gone(
        "Object",
        "dupli_type",
        "since 2.8: object.instance_type",
        f"{_O}o.dupli_type = 'VERTS'",
        f"{_O}o.instance_type = 'VERTS'",
    ),
    _gone(
        "Object",
        "dupli_group",
        "since 2.8: object.instance_collection",
        f"{_O}o.dupli_group",
        f"{_O}o.instance_collection",
    ),
    _gone(
        "Object",
        "empty_draw_type",
        "since 2.8: object.empty_display_type",
        f"{_O}o.empty_draw_type = 'CUBE'",
        f"{_O}o.empty_display_type = 'CUBE'",
    ),
    _gone(
        "Object",
        "empty_draw_size",
        "since 2.8: object.empty_display_size",
        f"{_O}o.empty_draw_size = 1",
        f"{_O}o.empty_display_size = 1",
    ),
    _gone(
        "Object",
        "face_maps",
        "since 4.0: mesh.attributes.new(name, 'INT', 'FACE')",
        f"{_O}o.face_maps",
        f"{_M}m.attributes.new('map', 'INT', 'FACE')",
    ),
    _gone(
        "Object",
        "proxy_make",
        "since 3.0: bpy.ops.object.make_override_library() or object.override_create()",
        f"{_O}o.proxy_make()",
        f"{_O}o.override_create",
    ),
    _scene_objects(
        "link",
        "since 2.8: bpy.context.collection.objects.link(object)",
        f"{_O}bpy.context.scene.objects.link(o)",
        "bpy.context.collection.objects.link(bpy.data.objects.new('e', None))",
    ),
    _scene_objects(
        "unlink",
        "since 2.8: collection.objects.unlink(object), or bpy.data.objects.remove(object)",
        f"{_O}bpy.context.scene.objects.unlink(o)",
        f"{_O}bpy.data.objects.remove(o)",
    ),
    _scene_objects(
        "active",
        "since 2.8: bpy.context.view_layer.objects.active = object",
        f"{_O}bpy.context.scene.objects.active = o",
        f"{_O}bpy.context.view_layer.objects.active = o",
    ),
    _gone(
        "Scene",
        "update",
        "since 2.8: bpy.context.view_layer.update()",
        "bpy.context.scene.update()",
        "bpy.context.view_layer.update()",
    ),
    _gone(
        "Scene",
        "cursor_location",
        "since 2.8: scene.cursor.location",
        "bpy.context.scene.cursor_location = (0, 0, 0)",
        "bpy.context.scene.cursor.location = (0, 0, 0)",
    ),
    _gone(
        "Scene",
        "layers",
        "since 2.8: collections and view layers",
        "bpy.context.scene.layers[0] = True",
        "bpy.context.scene.view_layers[0]",
    ),
    _gone(
        "Context",
        "user_preferences",
        "since 2.8: bpy.context.preferences",
        "bpy.context.user_preferences.view",
        "bpy.context.preferences.view",
    ),
    _gone("BlendData", "groups", "since 2.8: bpy.data.collections", "bpy.data.groups", "bpy.data.collections"),
    _gone(
        "BlendData",
        "lamps",
        "since 2.8: bpy.data.lights",
        "bpy.data.lamps.new('l', 'POINT')",
        "bpy.data.lights.new('l', 'POINT')",
    ),
    _gone(
        "BlendData",
        "grease_pencils_v3",
        "it is bpy.data.grease_pencils",
        "bpy.data.grease_pencils_v3",
        "bpy.data.grease_pencils",
        (5, 0),
    ),
    # -- cameras, particles, armatures
    _gone(
        "Camera",
        "draw_size",
        "since 2.8: camera.display_size",
        "bpy.data.cameras[0].draw_size = 1",
        "bpy.data.cameras[0].display_size = 1",
    ),
    _gone(
        "Camera",
        "dof_object",
        "since 2.8: camera.dof.focus_object",
        f"{_O}bpy.data.cameras[0].dof_object = o",
        f"{_O}bpy.data.cameras[0].dof.focus_object = o",
    ),
    _gone(
        "Camera",
        "dof_distance",
        "since 2.8: camera.dof.focus_distance",
        "bpy.data.cameras[0].dof_distance = 3",
        "bpy.data.cameras[0].dof.focus_distance = 3",
    ),
    _gone(
        "Camera",
        "gpu_dof",
        "since 2.8: camera.dof.aperture_fstop",
        "bpy.data.cameras[0].gpu_dof.fstop = 2",
        "bpy.data.cameras[0].dof.aperture_fstop = 2",
    ),
    _gone(
        "ParticleSettings",
        "dupli_object",
        "since 2.8: settings.instance_object",
        f"{_O}bpy.data.particles.new('p').dupli_object = o",
        f"{_O}bpy.data.particles.new('p').instance_object = o",
    ),
    _gone(
        "Armature",
        "draw_type",
        "since 2.8: armature.display_type",
        f"{_ARM}a.draw_type = 'STICK'",
        f"{_ARM}a.display_type = 'STICK'",
    ),
    _gone(
        "Armature",
        "layers",
        "since 4.0: bone collections, armature.collections.new(name)",
        f"{_ARM}a.layers[0] = True",
        f"{_ARM}a.collections.new('c')",
    ),
    _gone(
        "Pose",
        "bone_groups",
        "since 4.0: bone collections (armature.collections) and bone.color.palette",
        f"{_ARM}bpy.context.view_layer.update()\no.pose.bone_groups.new(name='g')",
        f"{_ARM}a.collections.new('g')",
    ),
    # -- animation
    _gone(
        "Action",
        "fcurves",
        "since 5.0: action.layers[0].strips[0].channelbag(action.slots[0]).fcurves",
        f"{_ACT}a.fcurves[0]",
        f"{_ACT}a.layers[0].strips[0].channelbag(a.slots[0]).fcurves[0]",
        (5, 0),
    ),
    _gone(
        "Action",
        "groups",
        "since 5.0: action.layers[0].strips[0].channelbag(action.slots[0]).groups",
        f"{_ACT}a.groups",
        f"{_ACT}a.layers[0].strips[0].channelbag(a.slots[0]).groups",
        (5, 0),
    ),
    _gone(
        "Action",
        "id_root",
        "since 5.0: action.slots[0].target_id_type",
        f"{_ACT}a.id_root",
        f"{_ACT}a.slots[0].target_id_type",
        (5, 0),
    ),
    _gone(
        "SequenceEditor",
        "sequences",
        "since 5.0: scene.sequence_editor.strips",
        "bpy.context.scene.sequence_editor_create().sequences",
        "bpy.context.scene.sequence_editor_create().strips",
        (5, 0),
    ),
    Row(
        r"""\[(?:[\w.]+\.identifier|["'](?:Socket|Input)_\d+["'])\]"""
        r"[\s\S]*(?:id properties not supported|support IDProperties)",
        "since 5.2 a Geometry Nodes modifier has its inputs in modifier.properties.inputs, by the socket's identifier: "
        "modifier.properties.inputs.Socket_2.value",
        f"{_GN}m[s.identifier] = 2.0",
        f"{_GN}getattr(m.properties.inputs, s.identifier).value = 2.0",
        (5, 2),
    ),
)
