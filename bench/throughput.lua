-- Script for wrk: POST the lines of a file to /api in turn; print one JSON object at the end.
-- wrk ... URL -- FILE [count]: with "count", 503 with Retry-After is counted apart from other errors, which slows wrk.

local requests, position, threads = {}, 0, {}
busy, other = 0, 0 -- of one thread

function setup(thread) table.insert(threads, thread) end

function init(args)
  for body in io.lines(args[1]) do
    requests[#requests + 1] = wrk.format("POST", "/api", { ["Content-Type"] = "application/json" }, body)
  end
  if args[2] == "count" then response = count end
end

function request()
  position = position % #requests + 1
  return requests[position]
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
  local format = '{"throughput":%.1f,"p50_ms":%.3f,"p99_ms":%.3f,"max_ms":%.3f,' ..
    '"requests":%d,"errors":%d,"busy":%d,"other":%d,"lost":%d}'
  print(string.format(format, (summary.requests - errors.status) * 1e6 / summary.duration, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3, latency.max / 1e3, summary.requests, errors.status, counts.busy, counts.other,
    errors.connect + errors.read + errors.write + errors.timeout))
end
