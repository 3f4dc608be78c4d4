import bpy


def fcurves(datablock):
    """The F-curves that animate `datablock`, in 4.2 as in 5.x."""
    data = datablock.animation_data
    if data is None or data.action is None:
        return []
    if bpy.app.version < (4, 4, 0):
        return list(data.action.fcurves)
    found = []
    for layer in data.action.layers:
        for strip in layer.strips:
            bag = strip.channelbag(data.action_slot)
            if bag is not None:
                found.extend(bag.fcurves)
    return found


