//! What is done in Redis, each in one step: no edge sees half of what another did.
//!
//! Time is Redis's own, so that edges whose clocks differ count alike. Two keys a link, both of one
//! hash slot, and both forgotten when nothing is in them: `countersign:places:{link}` has places and
//! when the link was last used there, `countersign:downloads:{link}` has requests under way and until
//! when their edge answers for them.

/// Is the link used at too many places? How many download it?
///
/// `ARGV`: place or nothing, places tolerated, window in ms, `use` or `look`, `enforce` or `monitor`,
/// request or nothing, downloads allowed, lease in ms. Gives whether there are too many places (1),
/// and whether the download began (1), was refused (2), or was not asked for (0). A request is
/// `download|holder`; those of one download count once.
pub(super) const BEGIN: &str = r"
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local shared = 0
if ARGV[1] ~= '' then
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[3])
  local known = redis.call('ZSCORE', KEYS[1], ARGV[1])
  if known or redis.call('ZCARD', KEYS[1]) < tonumber(ARGV[2]) then
    if ARGV[4] == 'use' then
      redis.call('ZADD', KEYS[1], now, ARGV[1])
      redis.call('PEXPIRE', KEYS[1], ARGV[3])
    end
  else
    shared = 1
  end
end
if ARGV[6] == '' or (shared == 1 and ARGV[5] == 'enforce') then
  return {shared, 0}
end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
local downloads, seen = 0, {}
for _, request in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
  local download = string.match(request, '^[^|]*')
  if not seen[download] then
    seen[download] = true
    downloads = downloads + 1
  end
end
if not seen[string.match(ARGV[6], '^[^|]*')] and downloads >= tonumber(ARGV[7]) then
  return {shared, 2}
end
redis.call('ZADD', KEYS[2], now + ARGV[8], ARGV[6])
redis.call('PEXPIRE', KEYS[2], ARGV[8])
return {shared, 1}
";

/// Requests of one link are still under way: `ARGV` is a lease in ms, and they.
pub(super) const RENEW: &str = r"
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for index = 2, #ARGV do
  redis.call('ZADD', KEYS[1], now + ARGV[1], ARGV[index])
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
";
