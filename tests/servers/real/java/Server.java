// SPDX-License-Identifier: BSD-2-Clause
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * Java's ways to serve, with some endpoints of the C samples: a thread of an executor for each connection (blocking), a selector that hands
 * single requests to an executor (selector), the JDK's own HttpServer (httpserver). The executor is a fixed pool, or (--threads virtual)
 * makes virtual threads, which needs Java 21 and --add-opens java.base/java.lang=ALL-UNNAMED. A request's calls are made in turn, or
 * (--steps executor, scope) at once, each by a thread of its own.
 */
public final class Server {
	private static final byte[] BODY = "{\"status\":\"ok\"}\n".getBytes(StandardCharsets.US_ASCII);
	private static final int REQUEST_BYTES_MAX = 8192, BACKLOG = 1024;
	private static final Map<String, String> options =
		new HashMap<>(Map.of("port", "0", "model", "blocking", "threads", "32", "calls", "kept", "pool", "2", "downstream", "",
			"steps", "turn"));
	private static ExecutorService executor;
	private static Downstream downstream;
	private static Steps steps;

	// ---- HTTP/1.1, as far as the load generator speaks it: no bodies, a request comes whole or in pieces

	private record Request(String path, Map<String, Long> query, long id) {}

	private static Request parse(String head) {
		String[] lines = head.split("\r\n"), target = lines[0].split(" ")[1].split("\\?", 2);
		long id = 0;
		for (String line : lines)
			if (line.regionMatches(true, 0, "X-Id:", 0, 5))
				id = Long.parseLong(line.substring(5).trim());
		return new Request(target[0], parseQuery(target.length > 1 ? target[1] : ""), id);
	}

	private static Map<String, Long> parseQuery(String query) {
		Map<String, Long> values = new HashMap<>();
		for (String pair : query.split("&")) {
			String[] parts = pair.split("=");
			if (parts.length == 2)
				values.put(parts[0], Long.parseLong(parts[1]));
		}
		return values;
	}

	private static byte[] response(int status, long id) {
		byte[] head = ("HTTP/1.1 " + status + " -\r\nX-Id: " + id + "\r\nContent-Length: " + BODY.length + "\r\n\r\n")
			.getBytes(StandardCharsets.US_ASCII);
		byte[] whole = java.util.Arrays.copyOf(head, head.length + BODY.length);
		System.arraycopy(BODY, 0, whole, head.length, BODY.length);
		return whole;
	}

	private static boolean isWhole(byte[] bytes, int count) {
		return count >= 4 && new String(bytes, count - 4, 4, StandardCharsets.US_ASCII).equals("\r\n\r\n");
	}

	private static Work workOf(Request request) {
		return new Work(request.id, request.path, request.query, downstream, steps);
	}

	// ---- blocking: a thread for each connection

	private static void serveConnection(Socket socket) {
		byte[] bytes = new byte[REQUEST_BYTES_MAX];
		try (socket) {
			socket.setTcpNoDelay(true);
			InputStream in = socket.getInputStream();
			for (int count = 0, got; (got = in.read(bytes, count, bytes.length - count)) > 0;) {
				count += got;
				if (!isWhole(bytes, count))
					continue;
				Request request = parse(new String(bytes, 0, count, StandardCharsets.US_ASCII));
				Work work = workOf(request);
				socket.getOutputStream().write(response(work.run(), request.id));
				work.tell();
				count = 0;
			}
		} catch (IOException error) {
			// the client has gone
		}
	}

	private static int serveBlocking(int port) throws IOException {
		ServerSocket listener = new ServerSocket(port, BACKLOG, InetAddress.getLoopbackAddress());
		inBackground(() -> {
			while (true) {
				Socket socket = listener.accept();
				executor.execute(() -> serveConnection(socket));
			}
		});
		return listener.getLocalPort();
	}

	// ---- selector: one thread reads, the executor works and answers

	/** What a connection has sent of its next request. */
	private static final class Inbox {
		final ByteBuffer bytes = ByteBuffer.allocate(REQUEST_BYTES_MAX);
	}

	private static void accept(ServerSocketChannel listener, Selector selector) throws IOException {
		SocketChannel channel = listener.accept();
		if (channel == null)
			return;
		channel.configureBlocking(false);
		channel.socket().setTcpNoDelay(true);
		channel.register(selector, SelectionKey.OP_READ, new Inbox());
	}

	private static void readAndHandOver(SelectionKey key) throws IOException {
		SocketChannel channel = (SocketChannel)key.channel();
		ByteBuffer bytes = ((Inbox)key.attachment()).bytes;
		if (channel.read(bytes) < 0) {
			channel.close();
			return;
		}
		if (!isWhole(bytes.array(), bytes.position()))
			return;
		String head = new String(bytes.array(), 0, bytes.position(), StandardCharsets.US_ASCII);
		bytes.clear();
		executor.execute(() -> {
			Request request = parse(head);
			Work work = workOf(request);
			try {
				channel.write(ByteBuffer.wrap(response(work.run(), request.id)));
			} catch (IOException error) {
				// the client has gone
			}
			work.tell();
		});
	}

	private static int serveSelector(int port) throws IOException {
		ServerSocketChannel listener = ServerSocketChannel.open();
		Selector selector = Selector.open();
		listener.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), BACKLOG);
		listener.configureBlocking(false);
		listener.register(selector, SelectionKey.OP_ACCEPT);
		inBackground(() -> {
			while (true) {
				selector.select();
				for (SelectionKey key : selector.selectedKeys())
					if (key.isAcceptable())
						accept(listener, selector);
					else
						readAndHandOver(key);
				selector.selectedKeys().clear();
			}
		});
		return listener.socket().getLocalPort();
	}

	// ---- httpserver: the JDK's own

	private static void handle(HttpExchange exchange) throws IOException {
		String query = exchange.getRequestURI().getQuery(), id = exchange.getRequestHeaders().getFirst("X-Id");
		Map<String, Long> values = parseQuery(query == null ? "" : query);
		Request request = new Request(exchange.getRequestURI().getPath(), values, id == null ? 0 : Long.parseLong(id));
		Work work = workOf(request);
		exchange.getResponseHeaders().set("X-Id", Long.toString(request.id));
		exchange.sendResponseHeaders(work.run(), BODY.length);
		exchange.getResponseBody().write(BODY);
		exchange.close();
		work.tell();
	}

	private static int serveHttpServer(int port) throws IOException {
		System.setProperty("sun.net.httpserver.nodelay", "true");
		HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), BACKLOG);
		server.createContext("/", Server::handle);
		server.setExecutor(executor);
		server.start();
		return server.getAddress().getPort();
	}

	// ---- the process

	private interface Loop {
		void run() throws IOException;
	}

	private static void inBackground(Loop loop) {
		new Thread(() -> {
			try {
				loop.run();
			} catch (IOException error) {
				System.err.println("java: " + error);
				Runtime.getRuntime().halt(1);
			}
		}, "acceptor").start();
	}

	private static ExecutorService executorOf(String threads) throws ReflectiveOperationException {
		if (threads.equals("virtual")) // by its name, so that Java 17 compiles this too
			return (ExecutorService)Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
		return Executors.newFixedThreadPool(Integer.parseInt(threads));
	}

	private static Map<String, Integer> ports(String text) {
		Map<String, Integer> ports = new HashMap<>();
		for (String pair : text.split(","))
			if (pair.contains("="))
				ports.put(pair.split("=")[0], Integer.parseInt(pair.split("=")[1]));
		return ports;
	}

	private static void stop() {
		int status = 0;
		try {
			if (options.containsKey("truth"))
				Work.writeTruth(Path.of(options.get("truth")));
		} catch (IOException error) {
			System.err.println("java: " + error);
			status = 1;
		}
		Runtime.getRuntime().halt(status);
	}

	public static void main(String[] arguments) throws Exception {
		for (int i = 0; i + 1 < arguments.length; i += 2)
			options.put(arguments[i].substring(2), arguments[i + 1]);
		executor = executorOf(options.get("threads"));
		steps = Steps.of(options.get("steps"), executor);
		downstream = Downstream.of(options.get("calls"), ports(options.get("downstream")), Integer.parseInt(options.get("pool")));
		sun.misc.Signal.handle(new sun.misc.Signal("TERM"), signal -> stop());
		sun.misc.Signal.handle(new sun.misc.Signal("INT"), signal -> stop());
		int port = Integer.parseInt(options.get("port"));
		port = switch (options.get("model")) {
			case "blocking" -> serveBlocking(port);
			case "selector" -> serveSelector(port);
			case "httpserver" -> serveHttpServer(port);
			default -> throw new IllegalArgumentException("--model " + options.get("model"));
		};
		System.out.println("READY port=" + port + " pid=" + ProcessHandle.current().pid());
	}
}
