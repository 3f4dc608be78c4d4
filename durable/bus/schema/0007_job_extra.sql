-- What the Blender told beside the result, JSON by the names of the envelope: {"stderr", "value", "changes"}; or null.
ALTER TABLE jobs ADD COLUMN extra TEXT;
