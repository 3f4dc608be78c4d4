scene = bpy.context.scene
if bpy.context.mode != "OBJECT":
    bpy.ops.object.mode_set(mode="OBJECT")

old = bpy.data.objects.get("Arm")
if old is not None:
    bpy.data.objects.remove(old, do_unlink=True)
armature = bpy.data.armatures.new("Arm")
rig = bpy.data.objects.new("Arm", armature)
scene.collection.objects.link(rig)
bpy.context.view_layer.objects.active = rig

bpy.ops.object.mode_set(mode="EDIT")
upper = armature.edit_bones.new("upper")
upper.head, upper.tail = (0.0, 0.0, 0.0), (0.0, 0.0, 1.0)
lower = armature.edit_bones.new("lower")
lower.head, lower.tail = upper.tail, (0.0, 0.0, 2.0)
lower.parent, lower.use_connect = upper, True
bpy.ops.object.mode_set(mode="OBJECT")

bone = rig.pose.bones["lower"]
bone.rotation_mode = "XYZ"
for frame, angle in ((1, 0.0), (24, 1.0), (48, 0.0)):
    bone.rotation_euler.x = angle  # radians
    bone.keyframe_insert("rotation_euler", frame=frame)
print(rig.name, "bones", [b.name for b in rig.pose.bones])
