// SPDX-License-Identifier: BSD-2-Clause
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;

/** How a request's steps (a call, then what is computed of its answer) follow each other. Returns when all are done. */
interface Steps {
	void run(List<Callable<Void>> steps) throws Exception;

	static Steps of(String way, ExecutorService executor) {
		return switch (way) {
			case "turn" -> steps -> {
				for (Callable<Void> step : steps)
					step.call();
			};
			case "executor" -> steps -> runIn(executor, steps);
			case "scope" -> new Scope();
			default -> throw new IllegalArgumentException("--steps " + way);
		};
	}

	private static void runIn(ExecutorService executor, List<Callable<Void>> steps) throws InterruptedException, ExecutionException {
		List<Future<Void>> running = new ArrayList<>();
		for (Callable<Void> step : steps)
			running.add(executor.submit(step));
		for (Future<Void> each : running)
			each.get();
	}

	/** A StructuredTaskScope, a virtual thread a step. By its name: a preview (--enable-preview), opened otherwise from 25 on. */
	final class Scope implements Steps {
		private static final String NAME = "java.util.concurrent.StructuredTaskScope";
		private final Method fork = method("fork", Callable.class), join = method("join");

		private static Method method(String name, Class<?>... parameters) {
			try {
				return Class.forName(NAME).getMethod(name, parameters);
			} catch (ReflectiveOperationException error) {
				throw new IllegalStateException(error);
			}
		}

		private static AutoCloseable open() throws ReflectiveOperationException {
			Class<?> scope = Class.forName(NAME);
			if (scope.isInterface())
				return (AutoCloseable)scope.getMethod("open").invoke(null);
			return (AutoCloseable)scope.getConstructor().newInstance();
		}

		@Override
		public void run(List<Callable<Void>> steps) throws Exception {
			try (AutoCloseable scope = open()) {
				for (Callable<Void> step : steps)
					fork.invoke(scope, step);
				join.invoke(scope);
			} catch (InvocationTargetException error) {
				throw new IllegalStateException(error.getCause());
			}
		}
	}
}
