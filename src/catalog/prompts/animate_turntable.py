FULL_TURN = 6.283185307179586  # radians

scene = bpy.context.scene
scene.frame_start, scene.frame_end = 1, 120

pivot = bpy.data.objects.get("Turntable")
if pivot is None:
    pivot = bpy.data.objects.new("Turntable", None)
    scene.collection.objects.link(pivot)
subject = bpy.data.objects.get("Cube") or next(o for o in scene.objects if o.type == "MESH")
pivot.location = subject.matrix_world.translation
bpy.context.view_layer.update()
if subject.parent is not pivot:
    subject.parent = pivot
    subject.matrix_parent_inverse = pivot.matrix_world.inverted()

for frame, turn in ((scene.frame_start, 0.0), (scene.frame_end + 1, FULL_TURN)):
    pivot.rotation_euler.z = turn
    pivot.keyframe_insert("rotation_euler", index=2, frame=frame)
for curve in fcurves(pivot):
    for key in curve.keyframe_points:
        key.interpolation = "LINEAR"
scene.frame_set(scene.frame_start)
print("turning", subject.name, "in", scene.frame_end, "frames")
