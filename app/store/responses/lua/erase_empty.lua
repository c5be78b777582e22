-- Removes a conversation of which nothing is left but places.
-- KEYS: index, stored bytes.
-- Returns how many bytes less are stored, or nothing where something is left of it.
if not is_empty() then return false end
