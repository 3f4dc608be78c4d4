"""What models write, good and bad, as tables: run without a window by tests, and with one by window/habits.py."""

from __future__ import annotations

from typing import Any

NODES = "m = bpy.data.materials.new('New')\nm.use_nodes = True\nshader = m.node_tree.nodes['Principled BSDF']\n"
HABITS = {
    "add a cube": "bpy.ops.mesh.primitive_cube_add(size=2, location=(1, 2, 3))",
    "add many": "for i in range(5): bpy.ops.mesh.primitive_uv_sphere_add(radius=0.5, location=(i, 0, 0))",
    "add and name": "bpy.ops.mesh.primitive_cone_add()\nbpy.context.active_object.name = 'Tower'",
    "add a light": "bpy.ops.object.light_add(type='SUN', location=(0, 0, 9))\nbpy.context.object.data.energy = 3",
    "add a camera": "bpy.ops.object.camera_add()\nbpy.context.scene.camera = bpy.context.object",
    "add text": "bpy.ops.object.text_add()\nbpy.context.object.data.body = 'Hello'",
    "add a curve": "bpy.ops.curve.primitive_bezier_curve_add()",
    "mesh from data": "m = bpy.data.meshes.new('m')\nm.from_pydata([(0,0,0),(1,0,0),(0,1,0)], [], [(0,1,2)])\n"
    "bpy.context.collection.objects.link(bpy.data.objects.new('Flat', m))",
    "bmesh": "m = bpy.data.meshes.new('m')\nb = bmesh.new()\nbmesh.ops.create_cube(b, size=2)\nb.to_mesh(m)\nb.free()\n"
    "bpy.context.collection.objects.link(bpy.data.objects.new('Box', m))",
    "delete all": "bpy.ops.object.select_all(action='SELECT')\nbpy.ops.object.delete(use_global=False)",
    "delete one": "bpy.data.objects.remove(bpy.data.objects['Cube'], do_unlink=True)",
    "move": "bpy.data.objects['Cube'].location = (4, 5, 6)",
    "turn": "import math\nbpy.data.objects['Cube'].rotation_euler[2] = math.radians(45)",
    "scale and apply": "o = bpy.data.objects['Cube']\no.scale = (2, 2, 2)\nbpy.ops.object.transform_apply(scale=True)",
    "parent": "bpy.data.objects['Light'].parent = bpy.data.objects['Cube']",
    "copy": "o = bpy.data.objects['Cube']\nn = o.copy()\nn.data = o.data.copy()\n"
    "bpy.context.collection.objects.link(n)",
    "modifier": "m = bpy.data.objects['Cube'].modifiers.new('Bevel', 'BEVEL')\nm.width = 0.1",
    "modifier applied": "bpy.data.objects['Cube'].modifiers.new('S', 'SUBSURF')\n"
    "bpy.ops.object.modifier_apply(modifier='S')",
    "array": "m = bpy.data.objects['Cube'].modifiers.new('A', 'ARRAY')\nm.count = 5",
    "material": NODES + "shader.inputs['Base Color'].default_value = (1, 0, 0, 1)\n"
    "bpy.data.objects['Cube'].data.materials[0] = m",
    "material and texture": NODES + "t = m.node_tree.nodes.new('ShaderNodeTexNoise')\n"
    "m.node_tree.links.new(t.outputs[0], shader.inputs['Base Color'])\n"
    "bpy.data.objects['Cube'].data.materials.append(m)",
    "smooth": "bpy.ops.object.shade_smooth()",
    "edit mode": "bpy.ops.object.mode_set(mode='EDIT')\nbpy.ops.mesh.select_all(action='SELECT')\n"
    "bpy.ops.mesh.subdivide()\n"
    "bpy.ops.object.mode_set(mode='OBJECT')",
    "vertices": "for v in bpy.data.objects['Cube'].data.vertices: v.co.z *= 2",
    "collection": "c = bpy.data.collections.new('Set')\nbpy.context.scene.collection.children.link(c)\n"
    "c.objects.link(bpy.data.objects['Cube'])",
    "animation": "o = bpy.data.objects['Cube']\nfor f, x in ((20, 5), (1, 0)):\n    o.location.x = x\n"
    "    o.keyframe_insert('location', frame=f)",
    "constraint": "c = bpy.data.objects['Camera'].constraints.new('TRACK_TO')\nc.target = bpy.data.objects['Cube']",
    "render settings": "s = bpy.context.scene\ns.render.engine = 'CYCLES'\ns.render.resolution_x = 1000",
    "world": "bpy.context.scene.world.node_tree.nodes['Background'].inputs[0].default_value = (0, 0, 1, 1)",
    "hide": "bpy.data.objects['Cube'].hide_viewport = True\nbpy.data.objects['Cube'].hide_render = True",
    "rename": "bpy.data.objects['Cube'].name = 'Box'",
    "custom property": "bpy.data.objects['Cube']['price'] = 12.5",
    "vertex group": "g = bpy.data.objects['Cube'].vertex_groups.new(name='G')\ng.add([0, 1], 1.0, 'ADD')",
    "shape key": "o = bpy.data.objects['Cube']\no.shape_key_add(name='Basis')\no.shape_key_add(name='Key').value = 0.5",
    "boolean": "bpy.ops.mesh.primitive_cylinder_add()\nm = bpy.data.objects['Cube'].modifiers.new('B', 'BOOLEAN')\n"
    "m.object = bpy.context.object",
    "join": "bpy.ops.mesh.primitive_cube_add(location=(3, 0, 0))\nbpy.data.objects['Cube'].select_set(True)\n"
    "bpy.ops.object.join()",
    "image": "i = bpy.data.images.new('I', 8, 8)\ni.pixels[0] = 0.5\ni.use_fake_user = True",
    "cursor": "bpy.context.scene.cursor.location = (1, 1, 1)\nbpy.ops.mesh.primitive_ico_sphere_add()",
    "uv": "bpy.ops.object.mode_set(mode='EDIT')\nbpy.ops.uv.smart_project()\nbpy.ops.object.mode_set(mode='OBJECT')",
    "orphans": "bpy.data.objects.remove(bpy.data.objects['Cube'])\nfor m in list(bpy.data.meshes):\n"
    "    if not m.users: bpy.data.meshes.remove(m)",
    "duplicate": "bpy.ops.object.duplicate_move(TRANSFORM_OT_translate={'value': (3, 0, 0)})",
    "extrude": "bpy.ops.object.mode_set(mode='EDIT')\nbpy.ops.mesh.select_all(action='SELECT')\n"
    "bpy.ops.mesh.extrude_region_move(TRANSFORM_OT_translate={'value': (0, 0, 1)})\n"
    "bpy.ops.object.mode_set(mode='OBJECT')",
    "origin": "o = bpy.data.objects['Cube']\nfor v in o.data.vertices: v.co.x += 1\n"
    "bpy.ops.object.origin_set(type='ORIGIN_GEOMETRY')",
    "driver": "d = bpy.data.objects['Cube'].driver_add('location', 2).driver\nd.expression = 'frame / 10'",
    "geometry nodes": "g = bpy.data.node_groups.new('G', 'GeometryNodeTree')\n"
    "g.interface.new_socket('Geometry', in_out='OUTPUT', socket_type='NodeSocketGeometry')\n"
    "bpy.data.objects['Cube'].modifiers.new('GN', 'NODES').node_group = g",
    "instances": "c = bpy.data.collections.new('Kit')\nc.objects.link(bpy.data.objects['Cube'])\n"
    "for i in range(3):\n    e = bpy.data.objects.new('Copy', None)\n    e.instance_type = 'COLLECTION'\n"
    "    e.instance_collection = c\n    e.location.x = i * 3\n    bpy.context.scene.collection.objects.link(e)",
    "empty": "bpy.ops.object.empty_add(type='PLAIN_AXES', location=(1, 1, 1))",
    "armature": "bpy.ops.object.armature_add()",
    "parent by operator": "bpy.data.objects['Light'].select_set(True)\n"
    "bpy.context.view_layer.objects.active = bpy.data.objects['Cube']\n"
    "bpy.ops.object.parent_set(type='OBJECT', keep_transform=True)",
    "convert": "bpy.ops.object.text_add()\nbpy.ops.object.convert(target='MESH')",
    "separate": "bpy.ops.object.mode_set(mode='EDIT')\nbpy.ops.mesh.primitive_cube_add(location=(4, 0, 0))\n"
    "bpy.ops.mesh.separate(type='LOOSE')\nbpy.ops.object.mode_set(mode='OBJECT')",
    "metaball": "bpy.ops.object.metaball_add(type='BALL')",
    "look at all": "bpy.ops.mesh.primitive_torus_add()\nbpy.ops.view3d.view_all()",
}


def scene(bpy: Any) -> dict[str, Any]:
    """What a person sees of the file."""
    data = bpy.data
    state: dict[str, Any] = {
        kind: sorted(getattr(data, kind).keys())
        for kind in ("objects", "materials", "lights", "cameras", "collections", "curves", "images", "actions")
    }
    for item in data.objects:
        state[f"object {item.name}"] = (
            [round(value, 4) for row in item.matrix_basis for value in row],
            item.parent and item.parent.name,
            [modifier.name for modifier in item.modifiers],
            [constraint.name for constraint in item.constraints],
            [slot.material and slot.material.name for slot in item.material_slots],
            # Cycles gives objects one of its own as it draws them.
            sorted({*item.keys()} - {"cycles"}),
            (item.hide_viewport, item.hide_render, item.vertex_groups.keys()),
            0 if item.animation_data is None else len(item.animation_data.drivers),
        )
        if item.type == "MESH":
            corners = [round(value, 3) for vertex in item.data.vertices for value in vertex.co]
            state[f"mesh of {item.name}"] = (corners, [polygon.use_smooth for polygon in item.data.polygons])
    render = bpy.context.scene.render
    state["render"] = (render.engine, render.resolution_x, bpy.context.scene.camera and bpy.context.scene.camera.name)
    return state


BAD = {
    "closes the window": "bpy.ops.wm.window_close()",
    "handler that raises later": "def h(*_): raise ValueError('later')\n"
    "bpy.app.handlers.depsgraph_update_post.append(h)",
    "handler that is no function": "bpy.app.handlers.depsgraph_update_post.append(5)",
    "timer that raises later": "def t(): raise ValueError('later')\nbpy.app.timers.register(t)",
    "breaks repr": "class A:\n    def __repr__(self): raise SystemExit(3)\nA()",
    "repr for ever": "class A:\n    def __repr__(self): return repr(self)\nA()",
    "error without words": "class E(Exception):\n    def __str__(self): raise KeyError\nraise E",
    "error of errors": "class E(BaseException):\n    @property\n    def __traceback__(self): raise E\nraise E",
    "removes the scene's world and all": "for c in (bpy.data.worlds, bpy.data.objects, bpy.data.meshes):\n"
    "    for i in list(c): c.remove(i)",
    "takes builtins away": "import builtins\nsaved = builtins.print\ndel builtins.print\nbuiltins.print = saved",
    "deep recursion": "def f(): f()\nf()",
    "sets the recursion limit": "import sys\nold = sys.getrecursionlimit()\nsys.setrecursionlimit(60)\n"
    "try:\n    bpy.data.objects['Cube'].name\nfinally:\n    sys.setrecursionlimit(old)",
    "exit handlers": "import sys\nsys.excepthook = None\nsys.displayhook = None\n1",
    "waits for input": "input('name?')",
    "own modules": "import sys\nsys.modules['json'] = None",
    "replaces import": "import builtins\ndef bad(*a, **k): raise ImportError('none')\nbuiltins.__import__ = bad",
    "empties sys.modules": "import sys\nsys.modules.clear()",
    "traces": "import sys\ndef t(*a): return t\nsys.settrace(t)",
    "traces and raises": "import sys\ndef t(*a): raise ValueError('trace')\nsys.settrace(t)\ndef f(): pass\nf()",
    "traces every thread": "import threading\nthreading.settrace(lambda *a: None)\n"
    "getattr(threading, 'settrace_all_threads', print)(lambda *a: None)",
    "never changes threads": "import sys\nsys.setswitchinterval(100)",
    "ignores signals": "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)",
    "replaces the streams": "import sys\nclass B:\n    def write(self, t): raise ValueError('no')\n"
    "sys.stdout = sys.stderr = sys.__stdout__ = B()",
    "closes the streams": "import sys\nsys.stdout.close()\nsys.stderr.close()\nprint('still')",
    "folder that is gone": "import os, tempfile\nd = tempfile.mkdtemp()\nos.chdir(d)\nos.rmdir(d)",
}
