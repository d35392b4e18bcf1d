// SPDX-License-Identifier: BSD-2-Clause
// Node's http server, with the endpoints of the C samples that make sense in it. Downstream calls go over a new connection each, or with
// --keep over connections that are kept; /pool always goes through --pool N of them.
'use strict';
const fs = require('fs');
const http = require('http');
const net = require('net');
const { parseArgs } = require('util');

const options = parseArgs({
	options: {
		port: { type: 'string', default: '0' },
		downstream: { type: 'string', default: '' },
		pool: { type: 'string', default: '2' },
		keep: { type: 'boolean', default: false },
		truth: { type: 'string' },
	},
}).values;
const ports = Object.fromEntries(options.downstream.split(',').filter(Boolean).map((pair) => pair.split('=')));
const TYPICAL = ['db', 'cache', 'db', 'mail', 'db'];
const BODY = '{"status":"ok"}\n';

// ---- CPU and time

// The process's CPU clock: Node 20 shows no thread's. Collector and compiler threads count too; they are idle during a burn.
function cpuNs() {
	const usage = process.cpuUsage();
	return (usage.user + usage.system) * 1000;
}

function burn(request, ms) {
	const began = cpuNs();
	while (cpuNs() - began < ms * 1e6);
	if (ms > 0) request.burnedNs += cpuNs() - began;
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// ---- downstream calls

class Connection {
	constructor(peer) {
		this.received = '';
		this.socket = net.connect(Number(ports[peer] || ports.db), '127.0.0.1');
		this.socket.setNoDelay(true);
		this.socket.on('data', (bytes) => this.onData(bytes));
		this.socket.on('error', (error) => this.fail(error));
		this.socket.on('close', () => this.fail(new Error('downstream closed the connection')));
	}

	call(id, holdUs) {
		return new Promise((resolve, reject) => {
			this.waiting = { resolve, reject };
			this.socket.write(`Q ${id} ${holdUs}\n`);
		});
	}

	onData(bytes) {
		this.received += bytes;
		if (!this.received.endsWith('\n')) return;
		this.received = '';
		this.waiting?.resolve();
		this.waiting = null;
	}

	fail(error) {
		this.broken = true;
		this.waiting?.reject(error);
		this.waiting = null;
	}
}

// Connections to one peer, at most `limit`; who finds none free waits in line.
class Pool {
	constructor(peer, limit) {
		Object.assign(this, { peer, limit, open: 0, idle: [], line: [] });
	}

	acquire() {
		while (this.idle.length) {
			const connection = this.idle.pop();
			if (!connection.broken) return connection;
			this.open--;
		}
		if (this.open === this.limit) return new Promise((resolve) => this.line.push(resolve));
		this.open++;
		return new Connection(this.peer);
	}

	release(connection) {
		if (connection.broken) {
			this.open--;
			if (this.line.length) this.line.shift()(this.acquire());
		} else if (this.line.length) {
			this.line.shift()(connection);
		} else {
			this.idle.push(connection);
		}
	}

	async call(id, holdUs) {
		const connection = await this.acquire();
		try {
			await connection.call(id, holdUs);
		} finally {
			this.release(connection);
		}
	}
}

const kept = Object.fromEntries(['db', 'cache', 'mail'].map((peer) => [peer, new Pool(peer, Infinity)]));
const limited = new Pool('db', Number(options.pool));

async function call(request, peer, holdMs) {
	const id = request.id * 100 + request.calls++;
	if (options.keep) return kept[peer].call(id, holdMs * 1000);
	const connection = new Connection(peer);
	try {
		return await connection.call(id, holdMs * 1000);
	} finally {
		connection.socket.destroy();
	}
}

// ---- endpoints: each gets the request's own record and respond(), to be called once

async function typical(request, respond) {
	for (const peer of TYPICAL) await call(request, peer, 50);
	burn(request, 10);
	respond();
}

async function parallel(request, respond) {
	await Promise.all(TYPICAL.map((peer) => call(request, peer, 50)));
	burn(request, 10);
	respond();
}

function cpu(request, respond) {
	burn(request, 100);
	respond();
}

async function pool(request, respond) {
	await limited.call(request.id * 100 + request.calls++, 20000);
	respond();
}

async function fire(request, respond) {
	respond();
	burn(request, 5);
	await call(request, 'db', 50);
}

async function work(request, respond) {
	const [cpuUs, calls, holdUs] = ['cpu', 'calls', 'hold'].map((key) => Number(request.query.get(key)));
	const sliceMs = cpuUs / 1000 / (calls + 1);
	burn(request, sliceMs);
	for (let i = 0; i < calls; i++) {
		await call(request, TYPICAL[i % TYPICAL.length], holdUs / 1000);
		burn(request, sliceMs);
	}
	respond();
}

const endpoints = {
	'/json': (request, respond) => respond(),
	'/typical': typical,
	'/parallel': parallel,
	'/cpu': cpu,
	'/block': cpu,
	'/sleep': (request, respond) => sleep(30).then(respond),
	'/pool': pool,
	'/fire': fire,
	'/work': work,
	'/slow-client': (request, respond) => respond(200, BODY.repeat((8 << 20) / BODY.length)),
};

// ---- the server

const truth = ['id,path,thread_id,cpu_burned_ns,handler_cpu_ns,start_ns,end_ns,vol,invol'];

let openRequests = 0;

async function serve(message, response) {
	openRequests++;
	const startNs = process.hrtime.bigint();
	const url = new URL(message.url, 'http://localhost');
	const endpoint = url.pathname.startsWith('/users/') ? endpoints['/json'] : endpoints[url.pathname];
	const request = { id: Number(message.headers['x-id'] || 0), query: url.searchParams, calls: 0, burnedNs: 0 };
	const closed = new Promise((resolve) => response.on('close', resolve));
	let endNs = 0n;
	const ended = () => { endNs ||= process.hrtime.bigint(); };
	const respond = (status = 200, body = BODY) => {
		response.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': body.length, 'X-Id': request.id });
		response.end(body, ended);
		// The kernel has it all; the callback comes only with the loop's next turn.
		if (response.socket?.writableLength === 0) ended();
	};
	try {
		await (endpoint ? endpoint(request, respond) : respond(404, ''));
	} catch (error) {
		console.error(`${url.pathname}: request ${request.id}: ${error.message}`);
		if (!response.headersSent) respond(502, '');
	}
	await closed;
	openRequests--;
	if (options.truth) truth.push([request.id, url.pathname, process.pid, request.burnedNs, 0, startNs, endNs, -1, -1].join());
}

const server = http.createServer(serve);

// Waits up to two seconds for requests that have answered but not told yet.
function stop(tries = 200) {
	if (openRequests && tries) {
		setTimeout(stop, 10, tries - 1);
		return;
	}
	if (options.truth) fs.writeFileSync(options.truth, truth.join('\n') + '\n');
	process.exit(0);
}

process.on('SIGTERM', () => stop());
process.on('SIGINT', () => stop());
server.listen({ port: Number(options.port), host: '127.0.0.1', backlog: 1024 }, () => {
	console.log(`READY port=${server.address().port} pid=${process.pid}`);
});
