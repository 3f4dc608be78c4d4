scene = bpy.context.scene
scene.frame_start, scene.frame_end = 1, 120


def linked(name, data):
    obj = bpy.data.objects.get(name)
    if obj is None:
        obj = bpy.data.objects.new(name, data)
        scene.collection.objects.link(obj)
    return obj


curve = bpy.data.curves.new("Camera path", "CURVE")
curve.dimensions = "3D"
spline = curve.splines.new("BEZIER")
spline.bezier_points.add(2)
for point, place in zip(spline.bezier_points, ((8, -8, 3), (0, -10, 5), (-8, -8, 3))):
    point.co = place
    point.handle_left_type = point.handle_right_type = "AUTO"
path = linked("Camera path", curve)
path.data = curve
aim = linked("Camera aim", None)

camera = scene.camera or linked("Camera", bpy.data.cameras.new("Camera"))
scene.camera = camera
camera.location = (0.0, 0.0, 0.0)
camera.constraints.clear()
follow = camera.constraints.new("FOLLOW_PATH")
follow.target = path
follow.use_fixed_location = True
track = camera.constraints.new("TRACK_TO")
track.target = aim
track.track_axis, track.up_axis = "TRACK_NEGATIVE_Z", "UP_Y"

for frame, part in ((scene.frame_start, 0.0), (scene.frame_end, 1.0)):
    follow.offset_factor = part
    follow.keyframe_insert("offset_factor", frame=frame)
scene.frame_set(scene.frame_start)
bpy.context.view_layer.update()
print("camera starts at", tuple(round(c, 2) for c in camera.matrix_world.translation))
