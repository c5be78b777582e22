-- Returns an entry as lists need it: whole if it has at most `whole` bytes; else without its items
-- (responses/entries.py) if the rest has at most `most`; else ''.
local function shortened(entry, whole, most)
  if #entry <= whole then return entry end
  local named = digest(entry) or ''
  local items = struct.unpack('>I4', entry) % 2147483648
  local rest = string.sub(entry, 5 + #named + items)
  if rest == '' or #rest > most then return '' end
  return struct.pack('>I4', named ~= '' and 2147483648 or 0) .. named .. rest
end
