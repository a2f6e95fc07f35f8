-- For wrk: POST /api with one line of a file after the other; at the end one JSON object on a line.
-- wrk ... URL -- FILE [count]: with "count" every answer is looked at, which slows wrk down.

local requests, at, threads = {}, 0, {}
served, busy, other = 0, 0, 0 -- of one thread: 200; 503 that says when to come again; all else

function setup(thread) table.insert(threads, thread) end

function init(args)
  for body in io.lines(args[1]) do
    requests[#requests + 1] = wrk.format("POST", "/api", { ["Content-Type"] = "application/json" }, body)
  end
  if args[2] == "count" then response = look end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function look(status, headers)
  if status == 200 then
    served = served + 1
  elseif status == 503 and (headers["Retry-After"] or headers["retry-after"]) then
    busy = busy + 1
  else
    other = other + 1
  end
end

function done(summary, latency)
  local counts = { served = 0, busy = 0, other = 0 }
  for _, thread in ipairs(threads) do
    for name in pairs(counts) do counts[name] = counts[name] + thread:get(name) end
  end
  local errors = summary.errors
  local form = '{"requests":%d,"seconds":%.3f,"p50":%.3f,"p99":%.3f,"max":%.3f,"refused":%d,"lost":%d,"late":%d,'
    .. '"served":%d,"busy":%d,"other":%d}'
  print(string.format(form, summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3, latency.max / 1e3, errors.status, errors.connect + errors.read + errors.write,
    errors.timeout, counts.served, counts.busy, counts.other))
end
