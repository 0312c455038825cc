-- What wrk does in the shop, and what it notes of the answers.
--
-- Of ten requests eight read a page, one puts a product into a cart and one checks a cart out. The ids of the
-- orders that were acknowledged go into a file for each thread, in the folder that is wrk's argument after `--`.
-- At the end one line says how many answers of each status and how many socket errors of each kind there were.

local threads = {}

function setup(thread)
    thread:set("number", #threads)
    table.insert(threads, thread)
end

function init(args)
    acknowledged = assert(io.open(args[1] .. "/acknowledged-" .. number, "w"))
    counts = {}
    sent = 0
end

local function post(path, body)
    return wrk.format("POST", path, { ["Content-Type"] = "application/json" }, body)
end

-- The ids and customers of two threads do not meet.
function request()
    sent = sent + 1
    local customer = number * 100 + math.floor(sent / 10) % 100
    local id = number .. "-" .. sent
    if sent % 10 == 3 then
        local line = '{"id": "line-%s", "product": %d, "quantity": 1}'
        return post("/carts/" .. customer .. "/items", line:format(id, sent % 1000))
    elseif sent % 10 == 8 then
        return post("/carts/" .. customer .. "/checkout", '{"id": "order-' .. id .. '"}')
    end
    return wrk.format("GET", "/products/" .. sent % 1000)
end

function response(status, headers, body)
    counts[status] = (counts[status] or 0) + 1
    local order = status == 200 and body:match('^{"id":"(order%-[^"]*)"')
    if order then
        acknowledged:write(order, "\n")
        acknowledged:flush()
    end
end

function done(summary, latency, requests)
    local counts = {}
    for _, thread in ipairs(threads) do
        for status, count in pairs(thread:get("counts")) do
            counts[status] = (counts[status] or 0) + count
        end
    end
    local said = {}
    for status, count in pairs(counts) do
        table.insert(said, ('"%d": %d'):format(status, count))
    end
    local errors = summary.errors
    for _, kind in ipairs({ "connect", "read", "write", "timeout" }) do
        table.insert(said, ('"%s": %d'):format(kind, errors[kind]))
    end
    io.write("counted {", table.concat(said, ", "), "}\n")
end
