// SPDX-License-Identifier: BSD-2-Clause
// What Node's sample servers share: options, the endpoints of the C samples that make sense here, the truth. A server calls serve() for
// each request, and start() once.
'use strict';
const fs = require('fs');
const { parseArgs } = require('util');
const { burn, Workers } = require('./node_burn.js');
const { Pool, ways } = require('./node_downstream.js');

const options = parseArgs({
	options: {
		port: { type: 'string', default: '0' },
		downstream: { type: 'string', default: '' },
		calls: { type: 'string', default: 'new' }, // a row of node_downstream.js, or pool
		pool: { type: 'string', default: '2' },
		workers: { type: 'string', default: '0' }, // 0: the loop computes itself
		detour: { type: 'string', default: 'none' }, // a row of `detours`: before each stretch of computing
		truth: { type: 'string' },
	},
}).values;
const ports = Object.fromEntries(options.downstream.split(',').filter(Boolean).map((pair) => pair.split('=')));
const portOf = (peer) => Number(ports[peer] || ports.db);
const TYPICAL = ['db', 'cache', 'db', 'mail', 'db'];
const BODY = '{"status":"ok"}\n';
const HEADER = 'id,path,thread_id,cpu_burned_ns,handler_cpu_ns,start_ns,end_ns,vol,invol,burns';

const limited = new Pool(portOf('db'), Number(options.pool));
const downstream = options.calls === 'pool' ? limited : new ways[options.calls](portOf);
const workers = Number(options.workers) && new Workers(Number(options.workers));

// What a request's next step may wait for within the process: nothing is read for it.
const detours = {
	none: null,
	later: () => new Promise((resolve) => setImmediate(resolve)), // behind all that this turn of the loop reads
	file: () => fs.promises.readFile(__filename), // on a thread of libuv's pool
};
const detour = detours[options.detour];

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

class Request {
	constructor(id, target) {
		const url = new URL(target, 'http://localhost');
		Object.assign(this, { id, path: url.pathname, query: url.searchParams, calls: 0, burns: [] });
		this.startNs = process.hrtime.bigint();
	}

	async burn(ms) {
		if (detour && ms > 0) await detour();
		if (ms > 0) this.burns.push(workers ? await workers.burn(ms) : burn(ms));
	}

	call(peer, holdMs, by = downstream) {
		return by.call(peer, this.id * 100 + this.calls++, Math.round(holdMs * 1000));
	}

	row(endNs) {
		const burns = this.burns.map(({ tid, startNs, endNs: until, cpuNs }) => [tid, startNs, until, cpuNs].join(':'));
		const burnedNs = this.burns.reduce((sum, { cpuNs }) => sum + cpuNs, 0n);
		return [this.id, this.path, process.pid, burnedNs, 0, this.startNs, endNs, -1, -1, burns.join(';')].join();
	}
}

// ---- endpoints: each gets the request and respond(), to be called once

async function typical(request, respond) {
	for (const peer of TYPICAL) await request.call(peer, 50);
	await request.burn(10);
	respond();
}

async function parallel(request, respond) {
	await Promise.all(TYPICAL.map((peer) => request.call(peer, 50)));
	await request.burn(10);
	respond();
}

async function cpu(request, respond) {
	await request.burn(100);
	respond();
}

async function pool(request, respond) {
	await request.call('db', 20, limited);
	respond();
}

async function fire(request, respond) {
	respond();
	await request.burn(5);
	await request.call('db', 50);
}

async function work(request, respond) {
	const [cpuUs, calls, holdUs] = ['cpu', 'calls', 'hold'].map((key) => Number(request.query.get(key)));
	const sliceMs = cpuUs / 1000 / (calls + 1);
	await request.burn(sliceMs);
	for (let i = 0; i < calls; i++) {
		await request.call(TYPICAL[i % TYPICAL.length], holdUs / 1000);
		await request.burn(sliceMs);
	}
	respond();
}

const endpoints = {
	'/json': (_, respond) => respond(),
	'/typical': typical,
	'/parallel': parallel,
	'/cpu': cpu,
	'/block': cpu,
	'/sleep': (_, respond) => sleep(30).then(respond),
	'/pool': pool,
	'/fire': fire,
	'/work': work,
	'/slow-client': (_, respond) => respond(200, BODY.repeat((8 << 20) / BODY.length)),
};

// ---- the server

const truth = [HEADER];
let openRequests = 0;

// send(status, body, ended) sends the response and calls ended() when the kernel has it all; `closed`: nothing of it is to come any more.
async function serve(id, target, send, closed) {
	openRequests++;
	const request = new Request(id, target);
	const endpoint = request.path.startsWith('/users/') ? endpoints['/json'] : endpoints[request.path];
	let endNs = 0n, responded = false;
	const respond = (status = 200, body = BODY) => {
		responded = true;
		send(status, body, () => { endNs ||= process.hrtime.bigint(); });
	};
	try {
		await (endpoint ? endpoint(request, respond) : respond(404, ''));
	} catch (error) {
		console.error(`${request.path}: request ${request.id}: ${error.message}`);
		if (!responded) respond(502, '');
	}
	await closed;
	openRequests--;
	if (options.truth) truth.push(request.row(endNs));
}

// Waits up to two seconds for requests that have answered but not told yet.
function stop(tries = 200) {
	if (openRequests && tries) {
		setTimeout(stop, 10, tries - 1);
		return;
	}
	if (options.truth) fs.writeFileSync(options.truth, truth.join('\n') + '\n');
	process.exit(0);
}

function start(server) {
	process.on('SIGTERM', () => stop());
	process.on('SIGINT', () => stop());
	server.listen({ port: Number(options.port), host: '127.0.0.1', backlog: 1024 }, () => {
		console.log(`READY port=${server.address().port} pid=${process.pid}`);
	});
}

exports.serve = serve;
exports.start = start;
