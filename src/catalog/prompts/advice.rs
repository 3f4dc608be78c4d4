//! What the prompts know about particular engines, materials, motions and errors.
//!
//! Free text is matched by words in it, so "a brushed metal plate" finds metal. The first entry that matches counts.

pub const ENGINES: &[&str] = &["cycles", "eevee", "workbench"];
pub const OBJECT_TYPES: &[&str] = &["hard surface", "organic*", "architecture", "furniture", "vehicle", "landscape"];
pub const MATERIAL_KINDS: &[&str] =
    &["metal", "glass", "plastic", "emission", "wood", "stone", "fabric", "skin", "car paint", "water"];
pub const ANIMATION_TYPES: &[&str] = &["keyframes", "turntable", "camera", "armature", "shape keys", "rigid body"];
pub const ASSET_KINDS: &[&str] = &["model", "material", "sky", "character", "vehicle", "furniture", "plants", "scene"];

/// An engine, what to know of it, and the code that chooses it.
#[derive(Clone, Copy)]
pub struct Engine {
    names: &'static [&'static str],
    pub title: &'static str,
    pub advice: &'static str,
    pub code: &'static str,
}

/// Values of a Principled BSDF, as the lines of a Python dictionary.
pub struct Material {
    words: &'static [&'static str],
    pub name: &'static str,
    pub advice: &'static str,
    pub settings: &'static str,
}

pub struct Animation {
    words: &'static [&'static str],
    pub advice: &'static str,
    pub code: &'static str,
}

/// The engine of this name or id, if there is one.
pub fn engine(text: &str) -> Option<&'static Engine> {
    let name = text.trim().to_lowercase();
    ENGINE_TABLE.iter().find(|engine| engine.names.contains(&name.as_str()))
}

/// The recipe whose words occur in the text; the plain one otherwise.
pub fn material(text: &str) -> &'static Material {
    MATERIALS.iter().find(|material| mentions(text, material.words)).unwrap_or(&PLAIN_MATERIAL)
}

pub fn animation(text: &str) -> &'static Animation {
    ANIMATIONS.iter().find(|animation| mentions(text, animation.words)).unwrap_or(&KEYFRAMES)
}

pub fn for_object(text: &str) -> &'static str {
    find(OBJECTS, text)
}

pub fn for_asset(text: &str) -> &'static str {
    find(ASSETS, text)
}

/// A line for each known sign in an error message.
pub fn for_error(text: &str) -> String {
    let text = text.to_lowercase();
    let found = ERRORS.iter().filter(|(signs, _)| signs.iter().any(|sign| text.contains(sign)));
    let known: Vec<&str> = found.map(|(_, advice)| *advice).collect();
    if known.is_empty() { "No usual suspect is named in it.".to_owned() } else { known.join("\n") }
}

fn find(table: &'static [(&[&str], &'static str)], text: &str) -> &'static str {
    table.iter().find(|(words, _)| mentions(text, words)).map_or("", |(_, advice)| *advice)
}

/// Whether one of the words (lower case) is in the text, plurals included; `architect*` is any word that begins so.
fn mentions(text: &str, words: &[&str]) -> bool {
    let text = text.to_lowercase().replace(['_', '-'], " ");
    words.iter().any(|word| {
        let stem = word.trim_end_matches('*');
        text.match_indices(stem).any(|(at, _)| {
            let (before, found) = text.split_at_checked(at).unwrap_or_default();
            let after = found.strip_prefix(stem).unwrap_or_default();
            let ending = after.split(|character: char| !character.is_alphanumeric()).next().unwrap_or_default();
            !before.ends_with(char::is_alphanumeric) && (word.ends_with('*') || matches!(ending, "" | "s" | "es"))
        })
    })
}

const ENGINE_TABLE: &[Engine] = &[
    Engine {
        names: &["cycles"],
        title: "Cycles",
        advice: "Cycles traces light and is the choice for final, realistic pictures. 64 to 256 samples with \
                 denoising are plenty for most stills. A GPU is used only if it is chosen in Blender's preferences \
                 (System, Cycles Render Devices); the code falls back to the CPU.",
        code: include_str!("engine_cycles.py"),
    },
    Engine {
        names: &["eevee", "blender_eevee", "blender_eevee_next", "eevee next"],
        title: "EEVEE",
        advice: "EEVEE is fast and made for previews, animation and stylized pictures. Switch raytracing on for \
                 reflections and bounced light. It needs a GPU or a slow software fallback, so without a window \
                 prefer Cycles.",
        code: include_str!("engine_eevee.py"),
    },
    Engine {
        names: &["workbench", "blender_workbench"],
        title: "Workbench",
        advice: "Workbench draws shapes without materials' light: for quick looks at form, layout and silhouettes.",
        code: include_str!("engine_workbench.py"),
    },
];

const PLAIN_MATERIAL: Material = Material {
    words: &[],
    name: "Plain",
    advice: "Decide four things, in this order: is it a metal (Metallic 1) or not (0), how rough is it, what colour, \
             does light pass through it. The rest is detail.",
    settings: "    \"Base Color\": (0.5, 0.5, 0.5, 1.0),\n    \"Metallic\": 0.0,\n    \"Roughness\": 0.5,",
};

const MATERIALS: &[Material] = &[
    Material {
        words: &["car paint", "lacquer*", "coat*"],
        name: "Car paint",
        advice: "Layers: a slightly metallic base under a clear coat with its own, lower roughness.",
        settings: "    \"Base Color\": (0.25, 0.01, 0.01, 1.0),\n    \"Metallic\": 0.6,\n    \"Roughness\": 0.35,\n    \
                   \"Coat Weight\": 1.0,\n    \"Coat Roughness\": 0.03,",
    },
    Material {
        words: &["glass", "crystal", "ice", "transparent", "lens"],
        name: "Glass",
        advice: "Light passes: Transmission Weight 1 and the right IOR (glass 1.45 to 1.52, ice 1.31, diamond 2.42). \
                 Frosted glass has a Roughness of 0.2 to 0.5. The mesh needs thickness and outward normals. In EEVEE \
                 also set `material.use_raytrace_refraction = True` and switch raytracing on.",
        settings: "    \"Base Color\": (1.0, 1.0, 1.0, 1.0),\n    \"Metallic\": 0.0,\n    \"Roughness\": 0.0,\n    \
                   \"IOR\": 1.45,\n    \"Transmission Weight\": 1.0,",
    },
    Material {
        words: &["water", "liquid"],
        name: "Water",
        advice: "As glass with an IOR of 1.33 and no colour of its own; colour in depth comes from a Volume \
                 Absorption node on the output's Volume.",
        settings: "    \"Base Color\": (1.0, 1.0, 1.0, 1.0),\n    \"Roughness\": 0.0,\n    \"IOR\": 1.33,\n    \
                   \"Transmission Weight\": 1.0,",
    },
    Material {
        words: &["emissi*", "glow*", "neon", "luminous", "lava", "screen"],
        name: "Glow",
        advice: "It shines by Emission Color and Emission Strength; 1 is as bright as white, more shines on others. \
                 A halo around it comes from the compositor's Glare node, not from the material.",
        settings: "    \"Base Color\": (0.0, 0.0, 0.0, 1.0),\n    \"Emission Color\": (0.1, 0.5, 1.0, 1.0),\n    \
                   \"Emission Strength\": 8.0,",
    },
    Material {
        words: &["metal*", "steel", "iron", "gold", "silver", "copper", "chrome", "alumin*", "brass", "bronze"],
        name: "Metal",
        advice: "Metallic 1; the Base Color is the colour of its reflection. Polished 0.05 to 0.15 rough, brushed \
                 0.3 to 0.4 with \"Anisotropic\" around 0.7, cast 0.5 and more. Linear colours: iron 0.53 0.51 0.49, \
                 gold 1.0 0.77 0.34, copper 0.95 0.64 0.54, aluminium 0.91 0.92 0.92.",
        settings: "    \"Base Color\": (0.53, 0.51, 0.49, 1.0),\n    \"Metallic\": 1.0,\n    \"Roughness\": 0.3,\n    \
                   \"Anisotropic\": 0.0,",
    },
    Material {
        words: &["skin", "translucent", "wax", "marble", "milk", "jade", "leaf", "leaves", "subsurface"],
        name: "Translucent",
        advice: "Light scatters under the surface: Subsurface Weight 1 with a Subsurface Scale in metres that fits \
                 the object (skin about 0.005), and a Subsurface Radius that is largest in red for skin.",
        settings: "    \"Base Color\": (0.8, 0.5, 0.4, 1.0),\n    \"Roughness\": 0.45,\n    \"Subsurface Weight\": \
                   1.0,\n    \"Subsurface Radius\": (1.0, 0.35, 0.2),\n    \"Subsurface Scale\": 0.005,",
    },
    Material {
        words: &["fabric", "cloth", "velvet", "cotton", "wool", "silk", "leather"],
        name: "Fabric",
        advice: "Rough, with a soft edge of light by Sheen Weight; velvet takes more sheen, silk less roughness, \
                 leather none of the sheen. A weave is a normal map, best from a texture library.",
        settings: "    \"Base Color\": (0.15, 0.2, 0.35, 1.0),\n    \"Roughness\": 0.9,\n    \
                   \"Specular IOR Level\": 0.3,\n    \"Sheen Weight\": 0.5,\n    \"Sheen Roughness\": 0.4,",
    },
    Material {
        words: &["plastic", "rubber", "vinyl", "paint", "ceramic", "porcelain"],
        name: "Plastic",
        advice: "Not metallic. Glossy plastic and ceramic 0.1 to 0.3 rough, matt plastic 0.5, rubber 0.8. Leave IOR \
                 at 1.45 to 1.5 and Specular IOR Level at 0.5.",
        settings: "    \"Base Color\": (0.6, 0.05, 0.05, 1.0),\n    \"Metallic\": 0.0,\n    \"Roughness\": 0.3,\n    \
                   \"IOR\": 1.46,\n    \"Specular IOR Level\": 0.5,",
    },
    Material {
        words: &["wood", "stone", "concrete", "brick", "rock", "ground", "soil", "bark", "asphalt", "tile"],
        name: "Surface",
        advice: "Its look is in its pattern: take a photographed texture with colour, roughness and normal maps. \
                 These values only stand in until then; after that keep Metallic at 0 and let the maps do the rest.",
        settings: "    \"Base Color\": (0.3, 0.2, 0.12, 1.0),\n    \"Metallic\": 0.0,\n    \"Roughness\": 0.75,",
    },
];

const KEYFRAMES: Animation = Animation {
    words: &[],
    advice: "Keys on location, rotation, scale or any other animatable property. Key the extremes, then the pauses; \
             equal spacing looks mechanical.",
    code: include_str!("animate_keyframes.py"),
};

const ANIMATIONS: &[Animation] = &[
    Animation {
        words: &["turntable", "spin*", "rotat*", "orbit*"],
        advice: "A full turn about Z with even speed: linear interpolation, and the last frame one step short of the \
                 first so that the loop does not stutter.",
        code: include_str!("animate_turntable.py"),
    },
    Animation {
        words: &["camera", "fly*", "dolly", "path"],
        advice: "Let constraints do the work: the camera follows a curve by Follow Path with a fixed position, keyed \
                 from 0 to 1, and looks at an empty by Track To.",
        code: include_str!("animate_camera.py"),
    },
    Animation {
        words: &["armature", "rig", "rigged", "bone", "skelet*", "walk*", "character", "pose"],
        advice: "Bones are made in edit mode, posed and keyed as pose bones. Keep the deforming mesh parented to the \
                 armature with an Armature modifier and vertex groups named after the bones. Bones are sorted by \
                 bone collections since 4.0.",
        code: include_str!("animate_armature.py"),
    },
    Animation {
        words: &["shape key", "morph*", "facial", "blend shape"],
        advice: "A Basis and one key for each shape, moved by its value from 0 to 1. Keys belong to the shape keys' \
                 datablock, not to the object.",
        code: include_str!("animate_shape_keys.py"),
    },
    Animation {
        words: &["rigid", "physics", "simulat*", "fall*", "collaps*"],
        advice: "Rigid bodies need a world, active bodies and at least one passive one to land on. Real sizes \
                 matter. Step through the frames in order or bake, since each frame builds on the one before.",
        code: include_str!("animate_rigid_body.py"),
    },
];

const OBJECTS: &[(&[&str], &str)] = &[
    (
        &["organic*", "character", "animal", "creature", "human", "plant", "tree", "fruit", "body"],
        "Organic forms: begin with few, evenly spaced quads and a Subdivision Surface modifier, mirror what is \
         symmetric, and let edges follow the form. The Skin modifier on a chain of edges gives limbs and branches \
         quickly.",
    ),
    (
        &["architect*", "building", "house", "room", "wall", "city", "tower", "bridge"],
        "Buildings: work from a plan in metres on a grid. Doors about 2.1 m high, storeys about 2.8 to 3 m, walls \
         0.1 to 0.3 m thick by Solidify. Repeat windows and columns with Array or linked copies; cut openings with \
         Boolean modifiers last.",
    ),
    (
        &["landscape", "terrain", "mountain", "island", "ground"],
        "Landscapes: a grid with a Displace modifier and a noise texture, more subdivision near the camera than far \
         away. Scatter plants and rocks as instances by geometry nodes, never as real copies.",
    ),
    (
        &["hard surface", "vehicle", "car", "robot", "machine", "weapon", "ship", "rack", "device"],
        "Hard surfaces: simple solids first, Boolean modifiers for cuts, then Bevel limited by angle and Weighted \
         Normal, so that edges catch light. Mirror across X; Array for vents, bolts and rows.",
    ),
    (
        &["furniture", "chair", "stool", "table", "desk", "lamp", "shelf", "shelves", "sofa", "bed"],
        "Furniture: a seat is 0.45 m high, a table 0.72 to 0.75 m, a worktop 0.9 m, a door of a cabinet 0.018 m \
         thick. No edge of a real thing is perfectly sharp: bevel by 1 to 5 mm.",
    ),
];

const ASSETS: &[(&[&str], &str)] = &[
    (
        &["sky", "hdri", "environment", "lighting", "world"],
        "A sky or lighting: Poly Haven HDRIs (asset_type \"hdris\"), 1k or 2k for light alone, 4k and more if it is \
         seen.",
    ),
    (
        &["material", "texture", "surface", "floor", "wall"],
        "A surface: Poly Haven textures (asset_type \"textures\"), then blender_set_texture. Mind the scale of the \
         pattern.",
    ),
    (
        &["character", "person", "animal", "creature", "human"],
        "A figure: Sketchfab first, looking for rigged ones if it shall move; Rodin for one that does not exist.",
    ),
    (
        &["vehicle", "car", "plane", "landmark", "product", "brand"],
        "A particular thing: Sketchfab first. If there is none, Rodin from a picture of it.",
    ),
    (
        &["plant", "tree", "rock", "nature", "prop", "furniture"],
        "A common prop: Poly Haven models (asset_type \"models\") first, then Sketchfab. Place many of them as \
         linked copies.",
    ),
    (
        &["scene", "room", "city", "cities", "interior", "level", "building"],
        "A whole scene: divide it. Ground and walls by Python to measure, surfaces and sky from Poly Haven, single \
         pieces from the libraries, and light and camera last.",
    ),
];

const ERRORS: &[(&[&str], &str)] = &[
    (
        &["keyerror", "key \""],
        "- A KeyError names something that is not there: a misspelt name, one with a suffix such as \".001\", or a \
         socket that was renamed in 4.0. List what there is and take the name from that.",
    ),
    (
        &["context is incorrect", "poll()"],
        "- An operator refused its context: wrong mode, nothing active, or no such area. Do it through bpy.data or \
         bmesh, or give it what it needs with bpy.context.temp_override(...); set the mode with \
         bpy.ops.object.mode_set first.",
    ),
    (
        &["has been removed", "referenceerror"],
        "- The object was deleted, or undo or a mode change replaced it. Fetch it again by name and keep names, not \
         references.",
    ),
    (
        &["use_auto_smooth", "calc_normals"],
        "- Auto smooth and calc_normals went in 4.1: use mesh.shade_smooth() and \
         mesh.set_sharp_from_angle(angle=...).",
    ),
    (
        &["blender_eevee"],
        "- EEVEE's id is BLENDER_EEVEE_NEXT in 4.2 to 4.5 and BLENDER_EEVEE from 5.0 on: choose by bpy.app.version.",
    ),
    (&["fcurves"], "- action.fcurves is gone in 5.0: F-curves live in a channelbag of the action's slot."),
    (
        &["node_tree"],
        "- scene.node_tree is scene.compositing_node_group since 5.0; a material's or world's node_tree is None \
         before 5.0 until use_nodes is set.",
    ),
    (
        &["attributeerror"],
        "- An AttributeError is either a None where a thing was expected, or a property of another Blender version. \
         Print the type and dir() of what stands before the dot.",
    ),
    (
        &["modulenotfounderror", "importerror", "no module named"],
        "- Blender has its own Python, without your packages; add-ons are called bl_ext.<repository>.<id> since 4.2. \
         Do without the module, or ask the user to install it.",
    ),
    (
        &["permission", "filenotfound", "no such file", "read only"],
        "- Paths are those of the machine that runs Blender, which need not be yours. Use an absolute path in a \
         folder that exists; bpy.app.tempdir is writable.",
    ),
    (
        &["memory", "cuda", "optix", "hip error"],
        "- Memory is short: fewer subdivisions, smaller textures, instances in place of copies, or the CPU for \
         rendering.",
    ),
    (
        &["no_client", "disconnected"],
        "- No Blender answered: it must be open, with the add-on enabled, logged in and connected.",
    ),
    (
        &["ambiguous_target", "unknown_target"],
        "- Name the Blender: take a uuid from blender_list_available_clients and pass it as target_uuid.",
    ),
    (
        &["timeout", "timed out"],
        "- The wait ended, not the job. See whether its effect is there before running it again; split the work or \
         give more timeout_seconds.",
    ),
];
