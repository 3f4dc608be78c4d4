scene = bpy.context.scene
obj = bpy.data.objects.get("Cube") or next(o for o in scene.objects if o.type == "MESH")
if obj.data.shape_keys is None:
    obj.shape_key_add(name="Basis", from_mix=False)
keys = obj.data.shape_keys
stretch = keys.key_blocks.get("Stretch") or obj.shape_key_add(name="Stretch", from_mix=False)
for point, vertex in zip(stretch.data, obj.data.vertices):
    point.co = vertex.co
    if vertex.co.z > 0:
        point.co.z *= 2

for frame, value in ((1, 0.0), (24, 1.0), (48, 0.0)):
    stretch.value = value
    stretch.keyframe_insert("value", frame=frame)
print(obj.name, "shape keys", [block.name for block in keys.key_blocks], "action", keys.animation_data.action.name)
