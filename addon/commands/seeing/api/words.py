"""Names and texts as words that can be compared (no bpy)."""

from __future__ import annotations

import re

_PARTS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_PLAIN = re.compile(r"[a-z]+|\d+")
IGNORED = frozenset(
    [
        "a",
        "an",
        "the",
        "of",
        "to",
        "in",
        "on",
        "for",
        "how",
        "do",
        "does",
        "i",
        "is",
        "are",
        "with",
        "what",
        "which",
        "from",
        "by",
        "and",
        "or",
        "my",
        "at",
        "as",
        "be",
    ]
)
# What people say, and what Blender says.
SAME = {
    "colour": "color",
    "emissive": "emission",
    "delete": "remove",
    "rotate": "rotation",
    "hdri": "environment",
    "centre": "center",
    "gray": "grey",
    "metalness": "metallic",
    "fov": "angle",
    "tri": "triangle",
    "poly": "polygon",
    "vert": "vertex",
    "vertice": "vertex",
    "cam": "camera",
    "obj": "object",
    "anim": "animation",
    "col": "column",
    "tex": "texture",
    "dimension": "dimension",
    "normals": "normal",
    "indice": "index",
    "matrice": "matrix",
}


def stem(word: str) -> str:
    """Return a word without its plural, and as Blender says it."""
    word = SAME.get(word, word)
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    return SAME.get(word, word)


def of_name(name: str) -> list[str]:
    """Return the words of an identifier, such as `ShaderNodeBsdfPrincipled` or `use_auto_smooth`."""
    return [stem(part.lower()) for part in _PARTS.findall(name)]


def of_text(text: str) -> list[str]:
    """Return the words of a sentence that say something."""
    return [stem(word) for word in _PLAIN.findall(text.lower()) if word not in IGNORED]
