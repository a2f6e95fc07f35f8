-- For wrk: POST /api with one line of a file after the other; at the end one JSON object on a line.
-- wrk ... URL -- FILE [count]: "count" also tells 503 with Retry-After from other errors, which slows wrk down.

local requests, at, threads = {}, 0, {}
busy, other = 0, 0 -- of one thread

function setup(thread) table.insert(threads, thread) end

function init(args)
  for body in io.lines(args[1]) do
    requests[#requests + 1] = wrk.format("POST", "/api", { ["Content-Type"] = "application/json" }, body)
  end
  if args[2] == "count" then response = count end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function count(status, headers)
  if status == 503 and headers["retry-after"] then
    busy = busy + 1
  elseif status ~= 200 then
    other = other + 1
  end
end

function done(summary, latency)
  local counts, errors = { busy = 0, other = 0 }, summary.errors
  for _, thread in ipairs(threads) do
    for name in pairs(counts) do counts[name] = counts[name] + thread:get(name) end
  end
  local form = '{"rate":%.1f,"p50":%.3f,"p99":%.3f,"max":%.3f,"requests":%d,"errors":%d,"busy":%d,"other":%d,"lost":%d}'
  print(string.format(form, (summary.requests - errors.status) * 1e6 / summary.duration, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3, latency.max / 1e3, summary.requests, errors.status, counts.busy, counts.other,
    errors.connect + errors.read + errors.write + errors.timeout))
end
