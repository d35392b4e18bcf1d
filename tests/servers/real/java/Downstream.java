// SPDX-License-Identifier: BSD-2-Clause
import java.io.BufferedReader;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingDeque;

/** The ways to call the mock downstream; all of them block the calling thread. */
interface Downstream {
	void call(String peer, long id, long holdUs) throws IOException, InterruptedException;

	static Downstream of(String way, Map<String, Integer> ports, int limit) {
		return switch (way) {
			case "new" -> (peer, id, holdUs) -> {
				try (Connection connection = new Connection(ports.get(peer))) {
					connection.call(id, holdUs);
				}
			};
			case "kept" -> new Kept(ports);
			case "pool" -> new Pool(ports.get("db"), limit);
			case "mux" -> new Multiplexed(ports.get("db"));
			case "client" -> new Client(ports);
			default -> throw new IllegalArgumentException("--calls " + way);
		};
	}

	final class Connection implements AutoCloseable {
		private final Socket socket;
		private final BufferedReader lines;

		Connection(int port) throws IOException {
			socket = new Socket("127.0.0.1", port);
			socket.setTcpNoDelay(true);
			lines = new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.US_ASCII), 256);
		}

		void call(long id, long holdUs) throws IOException {
			ask(id, holdUs);
			answeredId();
		}

		void ask(long id, long holdUs) throws IOException {
			socket.getOutputStream().write(("Q " + id + " " + holdUs + "\n").getBytes(StandardCharsets.US_ASCII));
		}

		/** Of the answer that comes next, "R id ok". */
		long answeredId() throws IOException {
			String line = lines.readLine();
			if (line == null)
				throw new EOFException("downstream closed the connection");
			return Long.parseLong(line.split(" ")[1]);
		}

		@Override
		public void close() throws IOException {
			socket.close();
		}
	}

	/** As many as are needed at once; none is ever shared by two calls in flight. */
	final class Kept implements Downstream {
		private final Map<String, Integer> ports;
		private final Map<String, ConcurrentLinkedDeque<Connection>> idle = new ConcurrentHashMap<>();

		Kept(Map<String, Integer> ports) {
			this.ports = ports;
		}

		@Override
		public void call(String peer, long id, long holdUs) throws IOException {
			ConcurrentLinkedDeque<Connection> connections = idle.computeIfAbsent(peer, key -> new ConcurrentLinkedDeque<>());
			Connection connection = connections.pollLast();
			if (connection == null)
				connection = new Connection(ports.get(peer));
			connection.call(id, holdUs);
			connections.addLast(connection);
		}
	}

	/** So many connections, all to the database; who finds none free waits for one. */
	final class Pool implements Downstream {
		private final LinkedBlockingDeque<Connection> idle = new LinkedBlockingDeque<>();

		Pool(int port, int limit) {
			try {
				for (int i = 0; i < limit; i++)
					idle.add(new Connection(port));
			} catch (IOException error) {
				throw new UncheckedIOException(error);
			}
		}

		@Override
		public void call(String peer, long id, long holdUs) throws IOException, InterruptedException {
			Connection connection = idle.take();
			try {
				connection.call(id, holdUs);
			} finally {
				idle.put(connection);
			}
		}
	}

	/** One connection for all, to the database; a thread reads the answers, "R id ok", in any order, and wakes those who wait. */
	final class Multiplexed implements Downstream {
		private final Connection connection;
		private final Map<Long, CompletableFuture<Void>> waiting = new ConcurrentHashMap<>();

		Multiplexed(int port) {
			try {
				connection = new Connection(port);
			} catch (IOException error) {
				throw new UncheckedIOException(error);
			}
			Thread reader = new Thread(this::handOut, "answers");
			reader.setDaemon(true);
			reader.start();
		}

		private void handOut() {
			try {
				while (true)
					waiting.remove(connection.answeredId()).complete(null);
			} catch (IOException error) {
				waiting.values().forEach(each -> each.completeExceptionally(error));
			}
		}

		@Override
		public void call(String peer, long id, long holdUs) throws IOException, InterruptedException {
			CompletableFuture<Void> answered = new CompletableFuture<>();
			waiting.put(id, answered);
			connection.ask(id, holdUs);
			try {
				answered.get();
			} catch (ExecutionException error) {
				throw new IOException(error.getCause());
			}
		}
	}

	/** java.net.http.HttpClient: a selector thread of its own, and connections that it keeps. */
	final class Client implements Downstream {
		private final HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
		private final Map<String, Integer> ports;

		Client(Map<String, Integer> ports) {
			this.ports = ports;
		}

		@Override
		public void call(String peer, long id, long holdUs) throws IOException, InterruptedException {
			URI uri = URI.create("http://127.0.0.1:" + ports.get(peer) + "/" + id + "/" + holdUs);
			client.send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.discarding());
		}
	}
}
