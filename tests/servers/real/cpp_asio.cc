// SPDX-License-Identifier: BSD-2-Clause
// C++20 coroutines on Asio, with some endpoints of the C samples: a coroutine per connection, run by --threads N. Downstream calls over new
// connections, kept ones or a pool (--calls new, kept, pool; --pool N).
#include <asio.hpp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <deque>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

using asio::awaitable;
using asio::use_awaitable;
using asio::ip::tcp;

static const char body[] = "{\"status\":\"ok\"}\n";
static const std::string typical[] = {"db", "cache", "db", "mail", "db"};
static std::map<std::string, std::string> options = {{"port", "0"}, {"threads", "1"}, {"calls", "kept"}, {"pool", "2"}, {"downstream", ""}};
static std::map<std::string, unsigned short> ports;

// ---- computing, and the truth

static uint64_t clock_ns(clockid_t clock)
{
	timespec time;
	clock_gettime(clock, &time);
	return uint64_t(time.tv_sec) * 1'000'000'000 + uint64_t(time.tv_nsec);
}

static std::mutex truth_mutex;
static std::vector<std::string> truth = {"id,path,thread_id,cpu_burned_ns,handler_cpu_ns,start_ns,end_ns,vol,invol,burns"};

struct Work {
	uint64_t id = 0, burned_ns = 0, calls = 0, start_ns = clock_ns(CLOCK_MONOTONIC);
	std::string path, burns;
	pid_t tid = 0;

	// Never awaits: the coroutine stays on its thread.
	void burn(uint64_t wanted_ns)
	{
		uint64_t start = clock_ns(CLOCK_MONOTONIC), began = clock_ns(CLOCK_THREAD_CPUTIME_ID), used = 0;
		volatile uint64_t sink = 1;

		if (!wanted_ns)
			return;
		while (used < wanted_ns) {
			uint64_t value = sink;

			for (int i = 0; i < 5000; i++)
				value = value * 6364136223846793005ull + 1;
			sink = value;
			used = clock_ns(CLOCK_THREAD_CPUTIME_ID) - began;
		}
		tid = gettid();
		burned_ns += used;
		std::ostringstream text;
		text << (burns.empty() ? "" : ";") << tid << ':' << start << ':' << clock_ns(CLOCK_MONOTONIC) << ':' << used;
		burns += text.str();
	}

	void tell() const
	{
		std::ostringstream row;
		row << id << ',' << path << ',' << tid << ',' << burned_ns << ",0," << start_ns << ',' << clock_ns(CLOCK_MONOTONIC);
		row << ",-1,-1," << burns;
		std::lock_guard lock(truth_mutex);
		truth.push_back(row.str());
	}
};

// ---- the downstream

struct Connection {
	tcp::socket socket;
	std::string received;

	static awaitable<std::unique_ptr<Connection>> open(unsigned short port)
	{
		tcp::socket socket(co_await asio::this_coro::executor);
		co_await socket.async_connect({asio::ip::address_v4::loopback(), port}, use_awaitable);
		socket.set_option(tcp::no_delay(true));
		co_return std::make_unique<Connection>(Connection{std::move(socket), {}});
	}

	awaitable<void> ask(uint64_t id, uint64_t hold_us)
	{
		std::string question = "Q " + std::to_string(id) + ' ' + std::to_string(hold_us) + '\n';

		co_await asio::async_write(socket, asio::buffer(question), use_awaitable);
		size_t length = co_await asio::async_read_until(socket, asio::dynamic_buffer(received), '\n', use_awaitable);
		received.erase(0, length);
	}
};

// Idle connections to one peer; of a pool never more than `free` more may be made, and who finds none waits in line.
struct Connections {
	std::mutex mutex;
	std::vector<std::unique_ptr<Connection>> idle;
	size_t free = SIZE_MAX;
	std::deque<std::shared_ptr<asio::steady_timer>> line;

	awaitable<std::unique_ptr<Connection>> take(unsigned short port)
	{
		for (;;) {
			auto executor = co_await asio::this_coro::executor;
			auto turn = std::make_shared<asio::steady_timer>(executor, asio::steady_timer::time_point::max());
			bool may_open = false;
			{
				std::lock_guard lock(mutex);
				if (!idle.empty()) {
					auto connection = std::move(idle.back());
					idle.pop_back();
					co_return connection;
				}
				may_open = free > 0;
				if (may_open)
					free--;
				else
					line.push_back(turn);
			}
			if (may_open)
				co_return co_await Connection::open(port);
			std::error_code cancelled;
			co_await turn->async_wait(asio::redirect_error(use_awaitable, cancelled));
		}
	}

	void give_back(std::unique_ptr<Connection> connection)
	{
		std::lock_guard lock(mutex);
		idle.push_back(std::move(connection));
		if (line.empty())
			return;
		auto turn = line.front();
		line.pop_front();
		asio::post(turn->get_executor(), [turn] { turn->cancel(); }); // a timer belongs to its coroutine's strand
	}
};

static std::map<std::string, Connections> kept;
static Connections pool;

static awaitable<void> call(Work &work, const std::string &peer, uint64_t hold_us)
{
	uint64_t id = work.id * 100 + work.calls++;
	const std::string &way = options["calls"];

	if (way == "new") {
		auto connection = co_await Connection::open(ports.at(peer));
		co_await connection->ask(id, hold_us);
		co_return;
	}
	const std::string to = way == "pool" ? "db" : peer;
	Connections &connections = way == "pool" ? pool : kept.at(peer);
	auto connection = co_await connections.take(ports.at(to));
	co_await connection->ask(id, hold_us);
	connections.give_back(std::move(connection));
}

// ---- the endpoints

static uint64_t number_of(const std::string &query, const std::string &key)
{
	size_t at = ('&' + query).find('&' + key + '=');

	return at == std::string::npos ? 0 : std::strtoull(query.c_str() + at + key.size() + 1, nullptr, 10);
}

static awaitable<int> carry_out(Work &work, const std::string &query)
{
	if (work.path == "/cpu" || work.path == "/block") {
		work.burn(100'000'000);
	} else if (work.path == "/typical") {
		for (const std::string &peer : typical)
			co_await call(work, peer, 50'000);
		work.burn(10'000'000);
	} else if (work.path == "/work") {
		uint64_t calls = number_of(query, "calls"), slice_ns = number_of(query, "cpu") * 1000 / (calls + 1);

		work.burn(slice_ns);
		for (uint64_t i = 0; i < calls; i++) {
			co_await call(work, typical[i % std::size(typical)], number_of(query, "hold"));
			work.burn(slice_ns);
		}
	} else if (work.path != "/json") {
		co_return 404;
	}
	co_return 200;
}

static awaitable<void> serve(tcp::socket socket)
{
	std::string received;

	socket.set_option(tcp::no_delay(true));
	for (;;) {
		size_t length = co_await asio::async_read_until(socket, asio::dynamic_buffer(received), "\r\n\r\n", use_awaitable);
		std::string head = received.substr(0, length), target = head.substr(4, head.find(' ', 4) - 4);
		size_t mark = target.find('?'), header = head.find("X-Id: ");
		Work work;

		received.erase(0, length);
		work.id = header == std::string::npos ? 0 : std::strtoull(head.c_str() + header + 6, nullptr, 10);
		work.path = target.substr(0, mark);
		// Conditional temporaries within a co_await are destroyed twice by gcc 12.
		std::string query = mark == std::string::npos ? "" : target.substr(mark + 1);
		int status = co_await carry_out(work, query);
		std::string response = "HTTP/1.1 " + std::to_string(status) + " -\r\nX-Id: " + std::to_string(work.id) +
				       "\r\nContent-Length: " + std::to_string(strlen(body)) + "\r\n\r\n" + body;
		co_await asio::async_write(socket, asio::buffer(response), use_awaitable);
		work.tell();
	}
}

static awaitable<void> listen(tcp::acceptor acceptor, asio::io_context &context)
{
	for (;;) {
		// Each connection's coroutine has a strand, so that two threads never run it at once.
		tcp::socket socket = co_await acceptor.async_accept(asio::make_strand(context), use_awaitable);
		auto strand = socket.get_executor();
		// What it throws says that the client has gone.
		asio::co_spawn(strand, serve(std::move(socket)), asio::detached);
	}
}

static void read_options(int count, char **words)
{
	for (int i = 1; i + 1 < count; i += 2)
		options[words[i] + 2] = words[i + 1];
	std::istringstream pairs(options["downstream"]);
	for (std::string pair; std::getline(pairs, pair, ',');)
		ports[pair.substr(0, pair.find('='))] = static_cast<unsigned short>(std::stoi(pair.substr(pair.find('=') + 1)));
	pool.free = std::stoul(options["pool"]);
	for (const std::string &peer : typical)
		kept[peer];
}

int main(int argc, char **argv)
{
	asio::io_context context;
	std::vector<std::thread> threads;

	read_options(argc, argv);
	tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), static_cast<unsigned short>(std::stoi(options["port"]))});
	asio::signal_set signals(context, SIGTERM, SIGINT);
	signals.async_wait([&](auto, int) { context.stop(); });
	std::cout << "READY port=" << acceptor.local_endpoint().port() << " pid=" << getpid() << std::endl;
	asio::co_spawn(context, listen(std::move(acceptor), context), asio::detached);
	for (int i = 1; i < std::stoi(options["threads"]); i++)
		threads.emplace_back([&] { context.run(); });
	context.run();
	for (std::thread &thread : threads)
		thread.join();
	if (options.count("truth")) {
		std::ofstream file(options["truth"]);
		for (const std::string &row : truth)
			file << row << '\n';
	}
	std::cout.flush();
	_exit(0); // connections that wait for their clients need not be closed
}
