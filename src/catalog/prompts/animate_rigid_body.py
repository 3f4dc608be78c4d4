scene = bpy.context.scene
scene.frame_start, scene.frame_end = 1, 100
if scene.rigidbody_world is None:
    bpy.ops.rigidbody.world_add()
scene.rigidbody_world.point_cache.frame_end = scene.frame_end


def make_body(obj, kind):
    """Give an object a rigid body of this kind: "ACTIVE" falls, "PASSIVE" stays."""
    if obj.rigid_body is None:
        with bpy.context.temp_override(object=obj, active_object=obj, selected_objects=[obj]):
            bpy.ops.rigidbody.object_add()
    obj.rigid_body.type = kind


mesh = bpy.data.meshes.new("Ground")
mesh.from_pydata([(-10, -10, 0), (10, -10, 0), (10, 10, 0), (-10, 10, 0)], [], [(0, 1, 2, 3)])
ground = bpy.data.objects.new("Ground", mesh)
scene.collection.objects.link(ground)
falling = bpy.data.objects.get("Cube") or next(o for o in scene.objects if o.type == "MESH" and o is not ground)
falling.location.z = 5.0
make_body(ground, "PASSIVE")
ground.rigid_body.collision_shape = "MESH"
make_body(falling, "ACTIVE")

for frame in range(scene.frame_start, 60):
    scene.frame_set(frame)
print(falling.name, "is at height", round(falling.matrix_world.translation.z, 2), "in frame", scene.frame_current)
