-- Budgets, in calendar periods of UTC. Programs that count budgets begin with this, after
-- counting.lua and the constant WARN_PERCENT.
--
-- Keys:
--
--   <prefix>{account:NAME}:budget:<name>  hash: `period`, the number of the period that it counts;
--                                         `spent` in it, µUSD, what is reserved included; `warned`,
--                                         the last period in which its caller was warned
--
-- A period is a number: days since 1970, months since the year 0, or 0 for a budget without
-- periods. A monthly budget of which 12.50 USD are spent:
--
--   period  24360    spent  12500000
local DAY_MS = 86400000
local NEVER = -1

-- Returns the month, counted from the year 0, of a day, counted from 1970. Years begin in March
-- here, so that a leap day is a year's last; 146,097 days are 400 years.
local function month_of(day)
  local z = day + 719468
  local era = math.floor(z / 146097)
  local of_era = z - era * 146097
  local year = math.floor((of_era - math.floor(of_era / 1460) + math.floor(of_era / 36524)
    - math.floor(of_era / 146096)) / 365)
  local of_year = of_era - (365 * year + math.floor(year / 4) - math.floor(year / 100))
  return (year + era * 400) * 12 + math.floor((5 * of_year + 2) / 153) + 2
end

-- Returns the first day, counted from 1970, of a month.
local function first_day(month)
  local shifted = month - 2
  local years = math.floor(shifted / 12)
  local era = math.floor(years / 400)
  local year = years - era * 400
  local of_year = math.floor((153 * (shifted - years * 12) + 2) / 5)
  return era * 146097 + year * 365 + math.floor(year / 4) - math.floor(year / 100) + of_year - 719468
end

-- Returns the number of the current period of a kind at a time, and when it ends, in ms.
local function period_at(kind, ms)
  local day = math.floor(ms / DAY_MS)
  if kind == 'day' then return day, (day + 1) * DAY_MS end
  if kind == 'month' then
    local month = month_of(day)
    return month, first_day(month + 1) * DAY_MS
  end
  return 0, NEVER
end

-- Returns what has been spent in this period.
local function spent_in(key, period)
  local seen = redis.call('HMGET', key, 'period', 'spent')
  return tonumber(seen[1]) == period and tonumber(seen[2]) or 0
end

local function spend(key, period, ends, spent)
  redis.call('HSET', key, 'period', period, 'spent', string.format('%.0f', spent))
  if ends ~= NEVER then redis.call('PEXPIREAT', key, ends + DAY_MS) end
end

-- Returns 1 if spending reaches the warning level for the first time in a period, else 0.
local function warns(key, period, spent, limit)
  if limit == 0 or spent * 100 < limit * WARN_PERCENT then return 0 end
  if tonumber(redis.call('HGET', key, 'warned') or -1) == period then return 0 end
  redis.call('HSET', key, 'warned', period)
  return 1
end
