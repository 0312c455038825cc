-- More than the shop can do: pages, carts and recommendations, as fast as the answers come.
--
-- What is put into a cart has one of fifty ids, so that the shop's state does not grow. At the end one line says how many
-- answers of each status there were, how many refusals did not say when to try again, and the socket errors.

local threads = {}

function setup(thread)
    thread:set("number", #threads)
    table.insert(threads, thread)
end

function init(args)
    counts = {}
    sent = 0
    mute = 0
end

function request()
    sent = sent + 1
    local kind = sent % 10
    if kind == 3 or kind == 7 then
        local line = '{"id": "line-%d", "product": %d, "quantity": 1}'
        local customer = number * 100 + math.floor(sent / 10) % 100
        local headers = { ["Content-Type"] = "application/json" }
        return wrk.format("POST", "/carts/" .. customer .. "/items", headers, line:format(sent % 50, sent % 50))
    elseif kind == 5 then
        return wrk.format("GET", "/products/" .. sent % 1000 .. "/recommendations")
    end
    return wrk.format("GET", "/products/" .. sent % 1000)
end

function response(status, headers, body)
    counts[status] = (counts[status] or 0) + 1
    if status == 503 and not (headers["retry-after"] or headers["Retry-After"]) then
        mute = mute + 1
    end
end

function done(summary, latency, requests)
    local counts = {}
    local mute = 0
    for _, thread in ipairs(threads) do
        for status, count in pairs(thread:get("counts")) do
            counts[status] = (counts[status] or 0) + count
        end
        mute = mute + thread:get("mute")
    end
    local said = { '"mute": ' .. mute }
    for status, count in pairs(counts) do
        table.insert(said, ('"%d": %d'):format(status, count))
    end
    local errors = summary.errors
    for _, kind in ipairs({ "connect", "read", "write", "timeout" }) do
        table.insert(said, ('"%s": %d'):format(kind, errors[kind]))
    end
    io.write("counted {", table.concat(said, ", "), "}\n")
end
