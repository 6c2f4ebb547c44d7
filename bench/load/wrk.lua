-- What wrk sends, by the kind given after `--`, and one line of results that a program can read.
-- The request is formatted once: no Lua runs per request or per response.

local browser = {
  ["Connection"] = "keep-alive",
  ["Cache-Control"] = "max-age=0",
  ["sec-ch-ua"] = '"Chromium";v="142", "Not_A Brand";v="99"',
  ["sec-ch-ua-mobile"] = "?0",
  ["sec-ch-ua-platform"] = '"Linux"',
  ["Upgrade-Insecure-Requests"] = "1",
  ["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
  ["Accept"] = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
  ["Sec-Fetch-Site"] = "same-origin",
  ["Sec-Fetch-Mode"] = "navigate",
  ["Accept-Encoding"] = "gzip, deflate, br, zstd",
  ["Accept-Language"] = "en-GB,en;q=0.9,de;q=0.8",
  ["Cookie"] = "session=8c1f0e5d2b7a4936; theme=dark; consent=1",
} -- and Host, which wrk adds: 14 fields

local kinds = {
  plain = function() end,
  browser = function()
    for name, value in pairs(browser) do wrk.headers[name] = value end
  end,
  post = function()
    wrk.method = "POST"
    wrk.body = string.rep("x", 10 * 1024)
    wrk.headers["Content-Type"] = "application/octet-stream"
  end,
  close = function() wrk.headers["Connection"] = "close" end,
  -- "GET /<37> HTTP/1.1" CRLF "Host: h" CRLF CRLF is 64 bytes
  pingpong = function()
    wrk.path = "/" .. string.rep("p", 37)
    wrk.headers["Host"] = "h"
  end,
}

function init(args)
  kinds[args[1]]()
  if args[2] then wrk.headers["Cookie"] = args[2] end
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format(
    '\nresult {"requests":%d,"bytes":%d,"errors":%d,"seconds":%.6f,"p50":%.3f,"p99":%.3f}\n',
    summary.requests, summary.bytes, e.connect + e.read + e.write + e.status + e.timeout,
    summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3
  ))
end
