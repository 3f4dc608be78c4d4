scene = bpy.context.scene
scene.render.fps = 24
scene.frame_start, scene.frame_end = 1, 48

obj = bpy.data.objects.get("Cube") or next(o for o in scene.objects if o.type == "MESH")
obj.rotation_mode = "XYZ"
for frame, height in ((1, 0.0), (20, 2.0), (28, 2.0), (48, 0.0)):
    obj.location.z = height
    obj.keyframe_insert("location", index=2, frame=frame)
for curve in fcurves(obj):
    for key in curve.keyframe_points:
        key.interpolation, key.easing = "SINE", "EASE_IN_OUT"
scene.frame_set(1)
print(obj.name, "action", obj.animation_data.action.name)
