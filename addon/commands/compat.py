"""What differs between Blender 4.2 and 5.x, in one place."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import bpy

from .place import override


def new_node_tree(owner: Any) -> Any:
    """Return the empty shader node tree of a material or world. From 5.0 on each has one from the start."""
    if owner.node_tree is None or bpy.app.version < (5, 0, 0):
        owner.use_nodes = True
    owner.node_tree.nodes.clear()
    return owner.node_tree


def principled_input(node: Any, *names: str) -> Any:
    """Return the first input that this Blender has; sockets were renamed in 4.0 and may be again."""
    for name in names:
        if name in node.inputs:
            return node.inputs[name]
    raise KeyError(f"this Blender's Principled BSDF has none of {', '.join(names)}")


def multiply_colors(tree: Any) -> tuple[Any, Any, Any, Any]:
    """Return a node that multiplies two colours: node, first input, second input, output."""
    node = tree.nodes.new("ShaderNodeMix")
    node.data_type, node.blend_type = "RGBA", "MULTIPLY"
    # The node has inputs of the same names for numbers and vectors as well; only the enabled ones count.
    factor, first, second = (socket for socket in node.inputs if socket.enabled)
    factor.default_value = 1.0
    output = next(socket for socket in node.outputs if socket.enabled)
    return node, first, second, output


@contextlib.contextmanager
def operator_context() -> Iterator[None]:
    """Let operators run from a timer, where no window is active."""
    manager = bpy.context.window_manager
    if bpy.app.background or bpy.context.window is not None or not manager.windows:
        yield
        return
    with override(window=manager.windows[0]):
        yield


def object_mode() -> None:
    """Leave edit mode and the like, in which importers refuse to work."""
    active = bpy.context.view_layer.objects.active
    if active is not None and active.mode != "OBJECT":
        with operator_context(), contextlib.suppress(RuntimeError):
            bpy.ops.object.mode_set(mode="OBJECT")
