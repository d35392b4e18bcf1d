// SPDX-License-Identifier: BSD-2-Clause
// Server of test_streams.py: streams beside requests, on Node's http and a WebSocket handshake by hand.
//
//     node streams_target.js --truth FILE     prints READY; on SIGTERM writes kind,opened,reads,writes,burned_ns of what it did, and ends
//
// GET /events?n=N: a text/event-stream of N events, each computed when its timer runs out. GET /ws: an upgrade; each message is computed
// for, and answered. POST /publish: computes, writes to all open /feed streams, and answers. GET /page: computes, and answers. GET /poll: a
// long poll, answered by the next /publish. GET /forget: what was logged so far was to warm up.
'use strict';
const crypto = require('crypto');
const fs = require('fs');
const http = require('http');
const path = require('path');
const { burn } = require(path.join(__dirname, '../servers/real/node_burn.js'));

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'; // RFC 6455, 1.3
const EVENT_MS = 4, MESSAGE_MS = 5, PUBLISH_MS = 6, PAGE_MS = 4;
const PERIOD_MS = 15;

const truth = {};
const feeds = new Set();
const polls = [];

function count(kind, field, by = 1) {
	truth[kind] ??= { opened: 0, reads: 0, writes: 0, burned_ns: 0 };
	truth[kind][field] += by;
}

function compute(kind, ms) {
	count(kind, 'burned_ns', Number(burn(ms).cpuNs));
}

function beginEvents(response, kind) {
	response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
	response.flushHeaders();
	count(kind, 'opened');
}

function sendEvents(response, left) {
	if (!left) {
		response.end();
		return;
	}
	setTimeout(() => {
		compute('events', EVENT_MS);
		response.write('data: tick\n\n');
		count('events', 'writes');
		sendEvents(response, left - 1);
	}, PERIOD_MS);
}

function publish(response) {
	compute('publish', PUBLISH_MS);
	for (const feed of feeds) {
		feed.write('data: news\n\n');
		count('feed', 'writes');
	}
	for (const poll of polls.splice(0)) poll.end('news');
	response.end('ok');
}

function openFeed(response) {
	beginEvents(response, 'feed');
	feeds.add(response);
	response.on('close', () => feeds.delete(response));
}

function page(response) {
	compute('page', PAGE_MS);
	response.end('ok');
}

const handlers = {
	'/events': (response, query) => {
		beginEvents(response, 'events');
		sendEvents(response, Number(query.get('n')));
	},
	'/feed': openFeed,
	'/publish': publish,
	'/page': page,
	'/poll': (response) => polls.push(response),
	'/forget': (response) => {
		for (const kind of Object.keys(truth)) delete truth[kind];
		response.end('ok');
	},
};

const server = http.createServer((request, response) => {
	const { pathname, searchParams } = new URL(request.url, 'http://localhost');
	handlers[pathname](response, searchParams);
});

// One short, masked text frame a message, one short frame back.
function onMessage(socket, frame) {
	count('ws', 'reads');
	compute('ws', MESSAGE_MS);
	const length = frame[1] & 127, mask = frame.subarray(2, 6), text = Buffer.from(frame.subarray(6, 6 + length));
	for (let i = 0; i < length; i++) text[i] ^= mask[i % 4];
	socket.write(Buffer.concat([Buffer.from([0x81, length]), text]));
	count('ws', 'writes');
}

server.on('upgrade', (request, socket) => {
	const accept = crypto.createHash('sha1').update(request.headers['sec-websocket-key'] + GUID).digest('base64');
	socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
		`Sec-WebSocket-Accept: ${accept}\r\n\r\n`);
	count('ws', 'opened');
	socket.on('data', (frame) => onMessage(socket, frame));
	socket.on('error', () => socket.destroy());
});

process.on('SIGTERM', () => {
	const rows = Object.entries(truth).map(([kind, row]) => [kind, row.opened, row.reads, row.writes, row.burned_ns].join(','));
	fs.writeFileSync(process.argv[3], ['kind,opened,reads,writes,burned_ns', ...rows, ''].join('\n'));
	process.exit(0);
});

server.listen(0, '127.0.0.1', () => console.log(`READY port=${server.address().port} pid=${process.pid}`));
