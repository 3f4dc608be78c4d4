scene.render.engine = "CYCLES"
scene.cycles.samples = 64
scene.cycles.use_denoising = True
addon = bpy.context.preferences.addons.get("cycles")
has_gpu = addon is not None and addon.preferences.compute_device_type != "NONE"
scene.cycles.device = "GPU" if has_gpu else "CPU"
