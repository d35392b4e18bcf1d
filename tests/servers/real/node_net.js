// SPDX-License-Identifier: BSD-2-Clause
// HTTP by hand on Node's net: nothing but the event loop and sockets.
'use strict';
const net = require('net');
const { serve, start } = require('./node_server.js');

function answer(socket, head) {
	const id = Number(/\r\nX-Id: *(\d+)/i.exec(head)?.[1] || 0);
	const send = (status, body, ended) => {
		socket.write(`HTTP/1.1 ${status} -\r\nContent-Length: ${body.length}\r\nX-Id: ${id}\r\n\r\n${body}`, ended);
		if (socket.writableLength === 0) ended();
	};
	serve(id, head.split(' ', 2)[1], send, null);
}

start(net.createServer({ noDelay: true }, (socket) => {
	let received = '';
	socket.on('error', () => {}); // the client has gone
	socket.on('data', (bytes) => {
		received += bytes.toString('latin1');
		const heads = received.split('\r\n\r\n');
		received = heads.pop();
		for (const head of heads) answer(socket, head);
	});
}));
