-- The part of a range of frames that a job renders, where a group shares the range: its first and its last frame.
ALTER TABLE jobs ADD COLUMN frame INTEGER;
ALTER TABLE jobs ADD COLUMN frame_end INTEGER;

-- To how many more members of the group the part may be given, should this one not end it; none for any other job.
ALTER TABLE jobs ADD COLUMN tries_left INTEGER;
