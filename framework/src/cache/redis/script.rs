//! The steps that must be one: compare, store, tell.
//!
//! Every script first makes sure that the partition has a head of this server's life, then does its part under it. It
//! answers what became of it, a stamp, and the generation that it found or drew.

use redis::Script;

/// What all scripts begin with. KEYS: 1 the head, 2 the signal. ARGV: 1 the server's run id, 2 a generation to draw, 3 the
/// generation that the caller knows, or nothing, 4 now.
const HEAD: &str = r"
    local function less(a, b)
        local a1, a2, a3, a4 = struct.unpack('>I4I4I4I4', a)
        local b1, b2, b3, b4 = struct.unpack('>I4I4I4I4', b)
        if a1 ~= b1 then return a1 < b1 end
        if a2 ~= b2 then return a2 < b2 end
        if a3 ~= b3 then return a3 < b3 end
        return a4 < b4
    end
    local function number(bytes)
        local high, low = struct.unpack('>I4I4', bytes)
        return high * 4294967296 + low
    end
    -- What is no string, somebody else has put there: it is as if there were nothing.
    local function read(key)
        local value = redis.pcall('GET', key)
        return type(value) == 'string' and value or ''
    end
    local function tell()
        redis.call('SET', KEYS[2], '')
        redis.call('DEL', KEYS[2])
    end
    local now = tonumber(ARGV[4])
    local head = read(KEYS[1])
    if #head ~= 80 or string.sub(head, 41) ~= ARGV[1] then
        head = ARGV[2] .. string.rep('\0', 24) .. ARGV[1]
        redis.call('SET', KEYS[1], head)
    end
    local generation = string.sub(head, 1, 16)
    local floor = string.sub(head, 17, 32)
    local longest = string.sub(head, 33, 40)
    if ARGV[3] ~= '' and ARGV[3] ~= generation then
        return {'lost', floor, generation}
    end
";

/// KEYS: 3 the entry, then the floors of its tags. ARGV: 5 stamp, kind and lifetime as in the record, 6 the frame, 7 for how
/// long to keep it, 8 whether to tell, 9 whether to keep only what is known, 10 how long anything is kept (rounded up).
const PUT: &str = r"
    local stamp, kind = string.sub(ARGV[5], 1, 16), string.sub(ARGV[5], 17, 17)
    local bar = floor
    for at = 4, #KEYS do
        local removed = read(KEYS[at])
        if #removed == 16 and less(bar, removed) then bar = removed end
    end
    local there = read(KEYS[3])
    if #there < 41 or string.sub(there, 1, 16) ~= generation or number(string.sub(there, 34, 41)) <= now then
        there = nil
    end
    if there then
        local its = string.sub(there, 17, 32)
        if less(bar, its) then bar = its end
        if its == stamp and string.sub(there, 33, 33) == 'r' and kind ~= 'r' then
            return {'outdated', bar, generation}
        end
    end
    if less(stamp, bar) then return {'outdated', bar, generation} end
    local prefix, frame = ARGV[5], ARGV[6]
    if ARGV[9] == '1' and kind == 'k' and (not there or string.sub(there, 33, 33) == 'm') then
        prefix, frame = stamp .. 'm' .. string.sub(prefix, 18), ''
    end
    redis.call('SET', KEYS[3], generation .. prefix .. frame, 'PX', ARGV[7])
    if number(longest) < number(string.sub(ARGV[5], 18, 25)) then
        redis.call('SET', KEYS[1], generation .. floor .. ARGV[10] .. ARGV[1])
    end
    if ARGV[8] == '1' then tell() end
    return {'stored', stamp, generation}
";

/// ARGV: 5 the stamp.
const CLEAR: &str = r"
    if less(floor, ARGV[5]) then
        redis.call('SET', KEYS[1], generation .. ARGV[5] .. longest .. ARGV[1])
    end
    tell()
    return {'stored', ARGV[5], generation}
";

/// KEYS: 3 the floor of the tag. ARGV: 5 the stamp.
///
/// The floor is kept for as long as an entry below it may be, and a minute more for those that are on their way.
const REMOVE_TAG: &str = r"
    local removed = read(KEYS[3])
    if #removed ~= 16 or less(removed, ARGV[5]) then removed = ARGV[5] end
    local keep = math.min(math.max(number(longest) - now, 0) + 60000, 315360000000)
    redis.call('SET', KEYS[3], removed, 'PX', string.format('%.0f', keep))
    tell()
    return {'stored', ARGV[5], generation}
";

/// KEYS: 3.. entries. Removes those that can be of no use any more.
const SWEEP: &str = r"
    for at = 3, #KEYS do
        local there = read(KEYS[at])
        if #there < 41 or string.sub(there, 1, 16) ~= generation or less(string.sub(there, 17, 32), floor) then
            redis.call('UNLINK', KEYS[at])
        end
    end
    return {'stored', floor, generation}
";

/// KEYS: 3 an entry. ARGV: 5 how its record begins. Removes it if it is still what could not be read: what
/// its record says of its stamp may be wrong, and keep better ones out.
const DROP: &str = r"
    local there = read(KEYS[3])
    if string.sub(there, 1, #ARGV[5]) == ARGV[5] then redis.call('UNLINK', KEYS[3]) end
    return {'stored', floor, generation}
";

/// All of them.
#[derive(Debug)]
pub(super) struct Scripts {
    pub(super) put: Script,
    pub(super) clear: Script,
    pub(super) remove_tag: Script,
    pub(super) sweep: Script,
    pub(super) drop: Script,
}

impl Scripts {
    pub(super) fn new() -> Self {
        let script = |body: &str| Script::new(&format!("{HEAD}{body}"));
        Scripts {
            put: script(PUT),
            clear: script(CLEAR),
            remove_tag: script(REMOVE_TAG),
            sweep: script(SWEEP),
            drop: script(DROP),
        }
    }
}
