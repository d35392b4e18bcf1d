// SPDX-License-Identifier: BSD-2-Clause
// Computing, measured, on this thread or on a pool of worker threads. Also the program of such a worker.
'use strict';
const fs = require('fs');
const { Worker, parentPort, isMainThread } = require('worker_threads');

const tid = Number(fs.readlinkSync('/proc/thread-self').split('/').pop());

// Node 20 shows no thread's CPU clock. What the thread waited for a core is exact once it has one, and computing waits for nothing else.
function waitedNs() {
	return BigInt(fs.readFileSync('/proc/thread-self/schedstat', 'ascii').split(' ')[1]);
}

// {tid, startNs, endNs, cpuNs}
function burn(ms) {
	const wantedNs = BigInt(Math.round(ms * 1e6)), waitedBefore = waitedNs(), startNs = process.hrtime.bigint();
	let endNs = startNs, cpuNs = 0n;
	while (cpuNs < wantedNs) {
		const untilNs = endNs + wantedNs - cpuNs;
		while ((endNs = process.hrtime.bigint()) < untilNs);
		cpuNs = endNs - startNs - (waitedNs() - waitedBefore);
	}
	return { tid, startNs, endNs: process.hrtime.bigint(), cpuNs };
}

// So many workers; who finds none free waits in line.
class Workers {
	constructor(count) {
		this.line = [];
		this.idle = Array.from({ length: count }, () => new Worker(__filename));
	}

	burn(ms) {
		return new Promise((resolve, reject) => {
			this.line.push({ ms, resolve, reject });
			this.next();
		});
	}

	next() {
		if (!this.idle.length || !this.line.length) return;
		const worker = this.idle.pop(), { ms, resolve, reject } = this.line.shift();
		worker.once('error', reject);
		worker.once('message', (burned) => {
			worker.removeListener('error', reject);
			this.idle.push(worker);
			resolve(burned);
			this.next();
		});
		worker.postMessage(ms);
	}
}

if (!isMainThread) parentPort.on('message', (ms) => parentPort.postMessage(burn(ms)));

exports.burn = burn;
exports.Workers = Workers;
