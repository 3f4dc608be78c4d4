scene.render.engine = "BLENDER_EEVEE" if bpy.app.version >= (5, 0, 0) else "BLENDER_EEVEE_NEXT"
scene.eevee.taa_render_samples = 64
scene.eevee.use_raytracing = True
