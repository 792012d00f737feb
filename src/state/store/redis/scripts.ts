import { createHash } from 'node:crypto';

/** A script as Redis runs it: whole, with nothing in between. */
export interface Script {
  readonly text: string;
  readonly sha: string;
}

/**
 * Common to those that change something. Redis counts time for us: milliseconds since the epoch fit into a
 * double, and `%.0f` keeps Lua from writing them as 1.7e+12.
 */
const BEGINNING = `
local at = 0
local function take()
  at = at + 1
  return ARGV[at]
end
local function takeNumber() return tonumber(take()) end
local function whole(number) return string.format('%.0f', number) end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- A partition's own hash: the layout of the store, the name of this run of numbers, the newest change, the newest noted one. Where it
-- is new, or was lost, what is left of a log belongs to another run.
local function header(key, log, layout, offeredRun)
  local found = redis.call('HMGET', key, 'layout', 'run', 'seq', 'noted')
  if found[1] and found[1] ~= layout then return nil, found[1] end
  local seq = tonumber(found[3] or 0)
  if found[2] then return { run = found[2], seq = seq, noted = found[4] or '0' } end
  -- A process may begin several, when the data is lost again and again.
  local run = offeredRun .. '-' .. whole(now)
  redis.call('DEL', log)
  redis.call('HSET', key, 'layout', layout, 'run', run, 'noted', '0')
  return { run = run, seq = seq, noted = '0' }
end
`;

/**
 * KEYS: 1 the partition's hash, 2 its log, 3 the mark of this change, then records and indexes, which ARGV
 * names by their place. One kind of key is touched that is not among them: the records that removeLinked
 * finds in an index. They are named after KEYS[1], so they lie in its slot.
 */
export const CHANGE = script(`${BEGINNING}
local function takeKey() return KEYS[takeNumber()] end
local layout, offeredRun, partition, channel, logMax, logMs, notAfter, markMs, frees =
  take(), take(), take(), take(), take(), take(), take(), take(), take()

-- It lay in some queue until nobody waited for it any more.
if now > tonumber(notAfter) then return { 'late', whole(now) } end

-- A client that lost its connection sends again what may have been done: it gets the answer that was lost.
if markMs ~= '' then
  local mark = redis.call('GET', KEYS[3])
  if mark then
    local version, removed = string.match(mark, '(%d+) (%d+)')
    return { 'done', whole(now), version, removed }
  end
end

-- Without memory left, Redis refuses what may need some, but only as the first write of a script: a deletion before it is let through,
-- and all that follows. This one deletes nothing.
if frees ~= '' then redis.call('HDEL', KEYS[1], '') end

local of, otherLayout = header(KEYS[1], KEYS[2], layout, offeredRun)
if not of then return { 'layout', whole(now), otherLayout } end

-- The version of a record; false where there is none. Redis itself passes over what has expired.
local versions, strange = {}, {}
local function look(key)
  local found = redis.pcall('HGET', key, '#v')
  local version = type(found) == 'string' and tonumber(found) or false
  if not version and redis.call('EXISTS', key) == 1 then strange[key] = true end
  return version
end
local function versionOf(key)
  if versions[key] == nil then versions[key] = look(key) end
  return versions[key]
end

for place = 0, takeNumber() - 1 do
  local kind, key = take(), takeKey()
  local version = versionOf(key)
  local holds
  if kind == 'present' then
    holds = version
  elseif kind == 'absent' then
    holds = not version
  elseif kind == 'version' then
    holds = version == takeNumber()
  elseif kind == 'versionMax' then
    holds = (version or 0) <= takeNumber()
  else
    local field, wanted = take(), kind == 'field' and take()
    holds = (version and redis.call('HGET', key, field)) == wanted
  end
  if not holds then return { 'failed', whole(now), place } end
end

-- Nothing has been written yet. What other programs keep at our keys is not written over.
for _ = 1, takeNumber() do
  local place = takeNumber()
  versionOf(KEYS[place])
  if strange[KEYS[place]] then return { 'strange', whole(now), place } end
end
for _ = 1, takeNumber() do
  local place = takeNumber()
  if type(redis.pcall('ZCARD', KEYS[place])) == 'table' then return { 'strange', whole(now), place } end
end

-- One more than the last, and not less than the microseconds since the epoch: so a number is not used twice even where a fail-over or
-- a loss of data took the last ones away.
local seq = math.max(of.seq + 1, time[1] * 1000000 + time[2])
local version = whole(seq)
local notes = take()
if notes == '' then
  redis.call('HSET', KEYS[1], 'seq', version)
else
  redis.call('HSET', KEYS[1], 'seq', version, 'noted', version)
  redis.call('XADD', KEYS[2], 'MAXLEN', '~', logMax, version .. '-0', 'p', of.noted, 'n', notes)
  redis.call('PEXPIRE', KEYS[2], logMs)
  redis.call('PUBLISH', channel, table.concat({ partition, of.run, version, of.noted, notes }, ' '))
end

local function remove(key)
  if not versionOf(key) then return 0 end
  versions[key] = false
  return redis.call('DEL', key)
end

local removed = 0
for _ = 1, takeNumber() do
  local kind, key = take(), takeKey()
  if kind == 'put' then
    local untilMs, endsAtMs, count = whole(now + take()), whole(now + take()), takeNumber()
    redis.call('DEL', key)
    redis.call('HSET', key, '#v', version, '#x', untilMs, '#e', endsAtMs, unpack(ARGV, at + 1, at + count))
    redis.call('PEXPIREAT', key, untilMs)
    versions[key] = seq
    at = at + count
  elseif kind == 'merge' then
    local ttlMs, unset = take(), takeNumber()
    local isThere = versionOf(key)
    if isThere and unset > 0 then redis.call('HDEL', key, unpack(ARGV, at + 1, at + unset)) end
    at = at + unset
    local count = takeNumber()
    if isThere then
      redis.call('HSET', key, '#v', version, unpack(ARGV, at + 1, at + count))
      if ttlMs ~= '' then
        local untilMs = now + ttlMs
        untilMs = whole(math.min(untilMs, tonumber(redis.call('HGET', key, '#e') or '') or untilMs))
        redis.call('HSET', key, '#x', untilMs)
        redis.call('PEXPIREAT', key, untilMs)
      end
      versions[key] = seq
    end
    at = at + count
  elseif kind == 'remove' then
    remove(key)
  elseif kind == 'link' then
    local member, ttlMs = take(), takeNumber()
    local untilMs = whole(now + ttlMs)
    redis.call('ZREMRANGEBYSCORE', key, '-inf', whole(now))
    redis.call('ZADD', key, untilMs, member)
    if redis.call('PTTL', key) < ttlMs then redis.call('PEXPIREAT', key, untilMs) end
  elseif kind == 'unlink' then
    redis.call('ZREM', key, take())
  else
    local hasExcept, except = take(), take()
    local records = string.sub(KEYS[1], 1, -2) .. 'r:'
    redis.call('ZREMRANGEBYSCORE', key, '-inf', whole(now))
    for _, member in ipairs(redis.call('ZRANGE', key, 0, -1)) do
      if hasExcept == '' or member ~= except then
        removed = removed + remove(records .. member)
        redis.call('ZREM', key, member)
      end
    end
  end
end

if markMs ~= '' then redis.call('SET', KEYS[3], version .. ' ' .. removed, 'PX', markMs) end
return { 'done', whole(now), version, removed }
`);

/**
 * The commonest change by itself, in two thirds of the server's time: fields of one record are set and its
 * life is extended, if it is there and some of its fields are what they were. It does what `CHANGE` would do;
 * whatever is not as usual it leaves to that one, and does nothing: `other`. KEYS: 1 the partition's hash, 2
 * the record, 3 the mark of this change, where one is kept. ARGV: layout, notAfter, markMs, ttlMs or nothing,
 * how many fields must be absent, how many must have a text; these fields; the texts; names and values to
 * set.
 */
export const MERGE = script(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if now > tonumber(ARGV[2]) then return { 'other', now } end
local mark = KEYS[3] and redis.call('GET', KEYS[3])
if mark then return { 'done', now, string.match(mark, '%d+') } end

local of = redis.call('HMGET', KEYS[1], 'layout', 'run', 'seq')
if of[1] ~= ARGV[1] or not of[2] then return { 'other', now } end

local absent, compared = tonumber(ARGV[5]), tonumber(ARGV[6])
local texts = 6 + absent + compared
local found = redis.pcall('HMGET', KEYS[2], '#v', '#e', unpack(ARGV, 7, texts))
local ends = not found.err and tonumber(found[1]) and tonumber(found[2])
if not ends then return { 'other', now } end
for at = 1, absent do
  if found[2 + at] then return { 'failed', now, at - 1 } end
end
for at = 1, compared do
  if found[2 + absent + at] ~= ARGV[texts + at] then return { 'failed', now, absent + at - 1 } end
end

local version = string.format('%.0f', math.max((of[3] or 0) + 1, time[1] * 1000000 + time[2]))
redis.call('HSET', KEYS[1], 'seq', version)
if ARGV[4] == '' then
  redis.call('HSET', KEYS[2], '#v', version, unpack(ARGV, texts + compared + 1))
else
  local untilMs = string.format('%.0f', math.min(now + ARGV[4], ends))
  redis.call('HSET', KEYS[2], '#v', version, '#x', untilMs, unpack(ARGV, texts + compared + 1))
  redis.call('PEXPIREAT', KEYS[2], untilMs)
end
if KEYS[3] then redis.call('SET', KEYS[3], version .. ' 0', 'PX', ARGV[3]) end
return { 'done', now, version }
`);

/**
 * How far partitions are, and what was noted in them since. KEYS: of each its hash and its log. ARGV: the
 * number to tell on from, for each; empty where only the position is wanted.
 */
export const ASK = script(`${BEGINNING}
local layout, offeredRun, entriesMax = take(), take(), take()
-- Another one after a restart and after a fail-over. Not every provider lets it be seen.
local info = redis.pcall('INFO', 'server')
local life = type(info) == 'string' and string.match(info, 'run_id:(%w+)') or ''
local answers = {}
for place = 1, #KEYS, 2 do
  local after = take()
  local of, otherLayout = header(KEYS[place], KEYS[place + 1], layout, offeredRun)
  if not of then return { 'layout', whole(now), otherLayout } end
  -- A write that changes nothing: only a master that takes writes answers for what is newest. A replica refuses it.
  redis.call('HDEL', KEYS[place], '')
  local noted = {}
  if after ~= '' and after ~= of.noted then
    for _, entry in ipairs(redis.call('XRANGE', KEYS[place + 1], after .. '-1', '+', 'COUNT', entriesMax)) do
      for _, part in ipairs({ entry[1], entry[2][2] or '', entry[2][4] or '' }) do noted[#noted + 1] = part end
    end
  end
  answers[#answers + 1] = { of.run, whole(of.seq), of.noted, noted }
end
return { 'done', whole(now), life, answers }
`);

/** What an index holds that has not expired. KEYS: the index. */
export const LIST = script(`
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
return { 'done', now, redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. now, '+inf', 'WITHSCORES') }
`);

function script(text: string): Script {
  return { text, sha: createHash('sha1').update(text).digest('hex') };
}
