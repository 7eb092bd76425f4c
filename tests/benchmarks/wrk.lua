-- Sends one request after another of those that the benchmark has written, and prints what came of it as JSON.
local requests = dofile(os.getenv("BENCH_REQUESTS_FILE"))
local formatted, place = {}, 0

function init()
  for number, one in ipairs(requests) do
    local headers = { ["Content-Type"] = "application/json", ["Authorization"] = one[1] }
    formatted[number] = wrk.format("POST", "/graphql", headers, one[2])
  end
  place = math.random(#formatted)
end

function request()
  place = place % #formatted + 1
  return formatted[place]
end

function done(summary, latency)
  local errors = summary.errors
  print(string.format(
    '{"requests": %d, "seconds": %f, "bytes": %d, "errors": %d, "p50": %f, "p99": %f}',
    summary.requests, summary.duration / 1e6, summary.bytes,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
