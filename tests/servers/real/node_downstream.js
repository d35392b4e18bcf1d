// SPDX-License-Identifier: BSD-2-Clause
// The ways in which Node's sample servers call the mock downstream: each has call(peer, id, holdUs), a promise.
'use strict';
const http = require('http');
const net = require('net');

class Connection {
	constructor(port) {
		this.received = '';
		this.waiting = new Map(); // by call id: several only on a multiplexed one
		this.socket = net.connect(port, '127.0.0.1');
		this.socket.setNoDelay(true);
		this.socket.on('data', (bytes) => this.onData(bytes));
		this.socket.on('error', (error) => this.fail(error));
		this.socket.on('close', () => this.fail(new Error('downstream closed the connection')));
	}

	call(id, holdUs) {
		return new Promise((resolve, reject) => {
			this.waiting.set(id, { resolve, reject });
			this.socket.write(`Q ${id} ${holdUs}\n`);
		});
	}

	onData(bytes) {
		const lines = (this.received + bytes).split('\n');
		this.received = lines.pop();
		for (const line of lines) {
			const id = Number(line.split(' ')[1]); // "R <id> ok"
			this.waiting.get(id)?.resolve();
			this.waiting.delete(id);
		}
	}

	fail(error) {
		this.broken = true;
		for (const { reject } of this.waiting.values()) reject(error);
		this.waiting.clear();
	}
}

// A connection per call.
class NewConnections {
	constructor(portOf) {
		this.portOf = portOf;
	}

	async call(peer, id, holdUs) {
		const connection = new Connection(this.portOf(peer));
		try {
			return await connection.call(id, holdUs);
		} finally {
			connection.socket.destroy();
		}
	}
}

// Connections to one peer, at most `limit`; who finds none free waits in line.
class Pool {
	constructor(port, limit) {
		Object.assign(this, { port, limit, open: 0, idle: [], line: [] });
	}

	acquire() {
		while (this.idle.length) {
			const connection = this.idle.pop();
			if (!connection.broken) return connection;
			this.open--;
		}
		if (this.open === this.limit) return new Promise((resolve) => this.line.push(resolve));
		this.open++;
		return new Connection(this.port);
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

	async call(_, id, holdUs) {
		const connection = await this.acquire();
		try {
			await connection.call(id, holdUs);
		} finally {
			this.release(connection);
		}
	}
}

// As many as are needed at once; none is ever shared by two calls in flight.
class KeptConnections {
	constructor(portOf) {
		this.pools = Object.fromEntries(['db', 'cache', 'mail'].map((peer) => [peer, new Pool(portOf(peer), Infinity)]));
	}

	call(peer, id, holdUs) {
		return this.pools[peer].call(peer, id, holdUs);
	}
}

// One connection for all; answers come in any order.
class Multiplexed {
	constructor(portOf) {
		this.connection = new Connection(portOf('db'));
	}

	call(_, id, holdUs) {
		return this.connection.call(id, holdUs);
	}
}

// Node's own HTTP client, with an agent that keeps connections.
class Client {
	constructor(portOf) {
		this.portOf = portOf;
		this.agent = new http.Agent({ keepAlive: true });
	}

	call(peer, id, holdUs) {
		return new Promise((resolve, reject) => {
			const options = { host: '127.0.0.1', port: this.portOf(peer), path: `/${id}/${holdUs}`, agent: this.agent };
			http.get(options, (response) => response.on('end', resolve).resume()).on('error', reject);
		});
	}
}

exports.Pool = Pool;
exports.ways = { new: NewConnections, kept: KeptConnections, mux: Multiplexed, client: Client };
