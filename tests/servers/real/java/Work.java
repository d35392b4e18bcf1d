// SPDX-License-Identifier: BSD-2-Clause
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.locks.ReentrantLock;

/** What an endpoint does, whichever thread it is on, and the truth of it. */
final class Work {
	private static final String[] TYPICAL = {"db", "cache", "db", "mail", "db"};
	private static final String HEADER = "id,path,thread_id,cpu_burned_ns,handler_cpu_ns,start_ns,end_ns,vol,invol,burns";
	private static final Path THREAD_SELF = Path.of("/proc/thread-self"); // a link to PID/task/TID
	private static final int STEPS_PER_LOOK = 5000;
	private static final ThreadMXBean CLOCKS = ManagementFactory.getThreadMXBean();
	private static final ConcurrentLinkedQueue<String> truth = new ConcurrentLinkedQueue<>();
	private static final ReentrantLock LOCK = new ReentrantLock(true);
	private static volatile long sink;

	private final long id, startNs = System.nanoTime(); // CLOCK_MONOTONIC
	private final String path;
	private final Map<String, Long> query;
	private final Downstream downstream;
	private final Steps steps;
	private final List<String> burns = new ArrayList<>();
	private long calls, burnedNs;
	private String threadId = "0";

	Work(long id, String path, Map<String, Long> query, Downstream downstream, Steps steps) {
		this.id = id;
		this.path = path;
		this.query = query;
		this.downstream = downstream;
		this.steps = steps;
	}

	/** The response's status; the answer itself is the caller's to send. */
	int run() {
		try {
			switch (path) {
			case "/json" -> {}
			case "/cpu", "/block" -> burn(100_000_000);
			case "/typical" -> {
				for (String peer : TYPICAL)
					call(peer, 50_000);
				burn(10_000_000);
			}
			case "/work" -> work(number("cpu"), number("calls"), number("hold"));
			default -> { return 404; }
			}
			return 200;
		} catch (Exception error) {
			System.err.println(path + ": request " + id + ": " + error);
			return 502;
		}
	}

	/** After the response has gone. */
	void tell() {
		truth.add(id + "," + path + "," + threadId + "," + burnedNs + ",0," + startNs + "," + System.nanoTime() + ",-1,-1,"
			+ String.join(";", burns));
	}

	static void writeTruth(Path file) throws IOException {
		Files.writeString(file, HEADER + "\n" + String.join("\n", truth) + "\n");
	}

	private long number(String key) {
		return query.getOrDefault(key, 0L);
	}

	private void work(long cpuUs, long count, long holdUs) throws Exception {
		long sliceNs = cpuUs * 1000 / (count + 1);
		List<Callable<Void>> afterwards = new ArrayList<>();
		burn(sliceNs);
		for (int i = 0; i < count; i++) {
			String peer = TYPICAL[i % TYPICAL.length];
			afterwards.add(() -> {
				call(peer, holdUs);
				burnBehindLock(number("lock") * sliceNs / 2);
				burn(sliceNs - number("lock") * sliceNs / 2);
				return null;
			});
		}
		steps.run(afterwards);
	}

	private void call(String peer, long holdUs) throws IOException, InterruptedException {
		downstream.call(peer, nextCall(), holdUs);
	}

	private synchronized long nextCall() {
		return id * 100 + calls++;
	}

	// ---- CPU

	private void burn(long wantedNs) throws IOException {
		if (wantedNs <= 0)
			return;
		String tid = Files.readSymbolicLink(THREAD_SELF).getFileName().toString();
		Thread clock = carrier();
		long start = System.nanoTime(), began = cpuNs(clock), used, value = 1;
		do {
			for (int i = 0; i < STEPS_PER_LOOK; i++)
				value = value * 6364136223846793005L + 1;
			used = cpuNs(clock) - began;
		} while (used < wantedNs);
		sink = value;
		addBurn(tid, start, System.nanoTime(), used);
	}

	private synchronized void addBurn(String tid, long startNs, long endNs, long usedNs) {
		burns.add(tid + ":" + startNs + ":" + endNs + ":" + usedNs);
		burnedNs += usedNs;
		threadId = tid;
	}

	/** With lock=1 half of each step is computed by one request at a time, in the order in which they came. */
	private void burnBehindLock(long wantedNs) throws IOException {
		if (wantedNs <= 0)
			return;
		LOCK.lock();
		try {
			burn(wantedNs);
		} finally {
			LOCK.unlock();
		}
	}

	private static long cpuNs(Thread thread) {
		return CLOCKS.getThreadCpuTime(thread.getId());
	}

	private static final Method CARRIER = findCarrier();

	/** A virtual thread has no clock, the thread that carries it has; it stays on it while it computes. Needs --add-opens. */
	private static Method findCarrier() {
		try {
			Method found = Thread.class.getDeclaredMethod("currentCarrierThread");
			found.setAccessible(true);
			return found;
		} catch (NoSuchMethodException error) {
			return null; // before Java 21
		}
	}

	private static Thread carrier() {
		try {
			return CARRIER == null ? Thread.currentThread() : (Thread)CARRIER.invoke(null);
		} catch (ReflectiveOperationException error) {
			throw new IllegalStateException(error);
		}
	}
}
