-- SPDX-License-Identifier: BSD-2-Clause
-- The endpoints of the samples on nginx: a coroutine a request, which Lua's sockets suspend and nginx's loop resumes.
local ffi = require("ffi")

ffi.cdef([[
struct timespec_of_lua { long seconds; long ns; };
int clock_gettime(int clock, struct timespec_of_lua *now);
int gettid(void);
]])

local CLOCK_MONOTONIC, CLOCK_THREAD_CPUTIME_ID = 1, 3
local TYPICAL = { "db", "cache", "db", "mail", "db" }
local BODY = '{"status":"ok"}\n'
local POOL_LINE = 4096 -- so many may wait for a connection; more would be refused
local IDLE_MS = 60000

local settings -- .downstream: port by peer; .calls: new, kept or pool; .pool: connections; .truth: a file that has its head, or nil
local rows = {}

-- ---- time and CPU

local now = ffi.new("struct timespec_of_lua")

-- In ns, as a double: exact up to 104 days of uptime.
local function clock_ns(clock)
	ffi.C.clock_gettime(clock, now)
	return tonumber(now.seconds) * 1e9 + tonumber(now.ns)
end

local function burn(request, cpu_ns)
	if cpu_ns <= 0 then
		return
	end
	local start_ns, began_ns = clock_ns(CLOCK_MONOTONIC), clock_ns(CLOCK_THREAD_CPUTIME_ID)
	local used_ns
	repeat
		used_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - began_ns
	until used_ns >= cpu_ns
	request.burned_ns = request.burned_ns + used_ns
	table.insert(request.burns, string.format("%d:%.0f:%.0f:%.0f", ffi.C.gettid(), start_ns, clock_ns(CLOCK_MONOTONIC), used_ns))
end

-- ---- ways to the downstream

-- How connect() is to take a connection from those kept: of its own for every way, so that none is lent to another.
local function pool_of(peer)
	if settings.calls == "pool" then
		return "db", { pool = "shared", pool_size = settings.pool, backlog = POOL_LINE }
	end
	return peer, { pool = peer, pool_size = POOL_LINE }
end

local function call(request, peer, hold_us)
	local name, options = pool_of(peer)
	local socket = ngx.socket.tcp()
	local id = request.id * 100 + request.calls
	request.calls = request.calls + 1
	assert(socket:connect("127.0.0.1", settings.downstream[name] or settings.downstream.db, options))
	assert(socket:send(string.format("Q %.0f %.0f\n", id, hold_us)))
	assert(socket:receive("*l"))
	if settings.calls == "new" then
		socket:close()
	else
		assert(socket:setkeepalive(IDLE_MS))
	end
end

-- ---- the endpoints

local function answer(request)
	ngx.header["Content-Length"] = #BODY
	ngx.header["X-Id"] = string.format("%.0f", request.id)
	ngx.print(BODY)
	ngx.eof()
	request.end_ns = clock_ns(CLOCK_MONOTONIC)
end

local endpoints = {}

endpoints["/json"] = answer

endpoints["/typical"] = function(request)
	for _, peer in ipairs(TYPICAL) do
		call(request, peer, 50000)
	end
	burn(request, 10e6)
	answer(request)
end

endpoints["/cpu"] = function(request)
	burn(request, 100e6)
	answer(request)
end

endpoints["/sleep"] = function(request)
	ngx.sleep(0.03)
	answer(request)
end

endpoints["/work"] = function(request)
	local query = ngx.req.get_uri_args()
	local calls, hold_us = tonumber(query.calls) or 0, tonumber(query.hold) or 0
	local slice_ns = (tonumber(query.cpu) or 0) * 1000 / (calls + 1)
	burn(request, slice_ns)
	for i = 1, calls do
		call(request, TYPICAL[(i - 1) % #TYPICAL + 1], hold_us)
		burn(request, slice_ns)
	end
	answer(request)
end

-- ---- what nginx_lua.conf.in calls

local function row_of(request)
	return string.format("%.0f,%s,%d,%.0f,0,%.0f,%.0f,-1,-1,%s", request.id, request.path, ffi.C.gettid(), request.burned_ns,
		request.start_ns, request.end_ns, table.concat(request.burns, ";"))
end

local server = {}

function server.configure(given)
	settings = given
end

function server.serve()
	local request = {
		id = tonumber(ngx.req.get_headers()["X-Id"]) or 0,
		path = ngx.var.uri,
		calls = 0,
		burned_ns = 0,
		burns = {},
		start_ns = clock_ns(CLOCK_MONOTONIC),
	}
	local endpoint = endpoints[request.path]
	if not endpoint then
		return ngx.exit(ngx.HTTP_NOT_FOUND)
	end
	endpoint(request)
	if settings.truth then
		table.insert(rows, row_of(request))
	end
end

-- Of each worker, behind the others'.
function server.write_truth()
	if not settings.truth or #rows == 0 then
		return
	end
	local file = assert(io.open(settings.truth, "a"))
	for _, row in ipairs(rows) do -- a line is one write, so workers may share the file
		file:write(row, "\n")
		file:flush()
	end
	file:close()
end

return server
