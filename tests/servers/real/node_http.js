// SPDX-License-Identifier: BSD-2-Clause
// Node's http server.
'use strict';
const http = require('http');
const { serve, start } = require('./node_server.js');

start(http.createServer((message, response) => {
	const id = Number(message.headers['x-id'] || 0);
	const closed = new Promise((resolve) => response.on('close', resolve));
	const send = (status, body, ended) => {
		response.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': body.length, 'X-Id': id });
		response.end(body, ended);
		// The kernel has it all; the callback comes only with the loop's next turn.
		if (response.socket?.writableLength === 0) ended();
	};
	serve(id, message.url, send, closed);
}));
