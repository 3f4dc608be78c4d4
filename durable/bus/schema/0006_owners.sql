-- Whose name a client's uuid is: the grant that registered it, and, where a person signed in for that grant, which program
-- signed in and when. Null for a name that is nobody's yet.
ALTER TABLE clients ADD COLUMN grant_id TEXT;
ALTER TABLE clients ADD COLUMN client_key TEXT;
ALTER TABLE clients ADD COLUMN granted_ms INTEGER;
