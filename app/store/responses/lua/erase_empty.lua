-- Removes a conversation of which only places are left.
-- KEYS: index, stored bytes.
-- Returns the number of bytes freed, or nothing if content is left.
if not is_empty() then return false end
