/* SPDX-License-Identifier: BSD-2-Clause */
/* A request's end: its intervals and calls become disjoint states, its CPU the process's, and it is told. */
#include <stdlib.h>
#include <string.h>

#include "engine/chains.h"
#include "engine/goroutines.h"
#include "engine/locks.h"
#include "engine/model.h"
#include "util/calls.h"

/* ---- calls: intervals of the timeline, the list, and sums a peer --------------------------------------------------------------- */

/* What was called after the response is real work, but the request did not wait for it. */
static void forget_calls_after(struct context *request, uint64_t end_ns)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < request->call_count; i++)
		if (request->calls[i].start_ns < end_ns)
			request->calls[kept++] = request->calls[i];
	request->call_count = kept;
}

static int compare_calls(const void *left, const void *right)
{
	const struct done_call *a = left, *b = right;

	return a->start_ns < b->start_ns ? -1 : a->start_ns > b->start_ns;
}

struct lists {
	struct request_call *calls;
	struct request_peer *peers;
	size_t peer_count;
	struct request_lock *locks;
	size_t lock_count;
};

static struct request_peer *peer_entry(struct lists *lists, const char *name)
{
	for (size_t i = 0; i < lists->peer_count; i++)
		if (lists->peers[i].peer == name)
			return &lists->peers[i];
	lists->peers[lists->peer_count] = (struct request_peer){.peer = name};
	return &lists->peers[lists->peer_count++];
}

static bool list_calls(const struct engine *engine, struct context *request, struct lists *lists)
{
	uint32_t count = request->call_count;
	uint64_t *until;

	if (!count)
		return true;
	until = calloc(count, sizeof(*until));
	lists->calls = calloc(count, sizeof(*lists->calls));
	lists->peers = calloc(count, sizeof(*lists->peers));
	if (!until || !lists->calls || !lists->peers) {
		free(until);
		return false;
	}
	if (count > 1)
		qsort(request->calls, count, sizeof(request->calls[0]), compare_calls);
	for (uint32_t i = 0; i < count; i++) {
		const struct done_call *call = &request->calls[i];
		struct request_peer *peer = peer_entry(lists, engine->peer_names[call->peer]);

		lists->calls[i] = (struct request_call){
			.peer = (uint32_t)(peer - lists->peers),
			.start_ns = call->start_ns,
			.connect_ns = call->connect_ns,
			.write_ns = call->write_ns,
			.net_ns = call->connect_ns + (call->arrived_ns - call->write_ns),
			.loop_ns = call->loop_until_ns > call->arrived_ns ? call->loop_until_ns - call->arrived_ns : 0,
		};
		peer->calls++;
		peer->net_ns += lists->calls[i].net_ns;
		peer->net_union_ns += call_net_beyond(&lists->calls[i], &until[peer - lists->peers]);
	}
	free(until);
	return true;
}

/* False: no memory. */
static bool list_locks(struct context *request, const struct timeline_sums *sums, struct lists *lists)
{
	if (!request->hold_count)
		return true;
	lists->locks = calloc(request->hold_count, sizeof(*lists->locks));
	if (lists->locks)
		lists->lock_count = holds_sum_up(request, sums, lists->locks);
	return lists->locks != NULL;
}

/* ---- CPU ------------------------------------------------------------------------------------------------------------------ */

struct cpu_split {
	uint64_t before_ns, within_ns, after_ns;
};

static struct cpu_split split_at(const struct interval *interval, uint64_t start_ns, uint64_t end_ns)
{
	uint64_t from = later_ns(interval->start_ns, start_ns);
	uint64_t to = earlier_ns(interval->end_ns, end_ns);
	struct cpu_split split = {.within_ns = to > from ? to - from : 0};

	if (interval->start_ns < start_ns)
		split.before_ns = earlier_ns(interval->end_ns, start_ns) - interval->start_ns;
	if (interval->end_ns > end_ns)
		split.after_ns = interval->end_ns - later_ns(interval->start_ns, end_ns);
	return split;
}

/* What was done on a connection before its request had come (accepting, a handshake's rest) no request caused. */
static void charge(struct proc *proc, struct cpu_split split, bool is_first, struct cpu_split *sum)
{
	proc->told.background_cpu_ns += split.before_ns;
	proc->told.setup_cpu_ns += is_first ? split.before_ns : 0;
	proc->told.request_cpu_ns += split.within_ns;
	proc->told.after_response_cpu_ns += split.after_ns;
	sum->within_ns += split.within_ns;
	sum->after_ns += split.after_ns;
}

static struct cpu_split charge_cpu(const struct context *request, uint64_t end_ns)
{
	struct cpu_split sum = {0};
	bool is_first = request->turn == 1;

	for (uint32_t i = 0; i < request->timeline.count; i++) {
		const struct interval *interval = &request->timeline.intervals[i];

		if (interval->state == STATE_CPU)
			charge(interval->proc, split_at(interval, request->start_ns, end_ns), is_first, &sum);
	}
	for (const struct cpu_share *share = request->folded_cpu; share; share = share->next)
		charge(share->proc, (struct cpu_split){share->before_ns, share->within_ns, share->after_ns}, is_first, &sum);
	return sum;
}

/* The threads' runs. False: no memory. */
static bool list_runs(const struct context *request, struct request_run **runs, size_t *count)
{
	*count = 0;
	*runs = malloc((request->timeline.count + 1) * sizeof(**runs));
	if (!*runs)
		return false;
	for (uint32_t i = 0; i < request->timeline.count; i++) {
		const struct interval *interval = &request->timeline.intervals[i];

		if (interval->state == STATE_CPU)
			(*runs)[(*count)++] = (struct request_run){interval->start_ns, interval->end_ns, interval->tid};
	}
	return true;
}

/* ---- telling -------------------------------------------------------------------------------------------------------------- */

static void leave_conn(struct context *request)
{
	struct conn *conn = request->conn;
	struct context **link = &conn->first_request;

	while (*link && *link != request)
		link = &(*link)->next_on_conn;
	if (!*link)
		return;
	*link = request->next_on_conn;
	conn->request_count--;
	if (conn->last_request != request)
		return;
	conn->last_request = NULL;
	for (struct context *at = conn->first_request; at; at = at->next_on_conn)
		conn->last_request = at;
}

static void leave_open_ones(struct engine *engine, struct context *request)
{
	*request->prev_open = request->next_open;
	if (request->next_open)
		request->next_open->prev_open = request->prev_open;
	else
		engine->open_requests_end = request->prev_open;
	if (request->conn)
		leave_conn(request);
	if (!request->answered)
		proc_count_open_requests(request->proc, -1, engine->now_ns);
}

/* In front of `end`; returns where it begins. */
static char *put_number(char *end, uint64_t number, unsigned int base)
{
	do
		*--end = "0123456789abcdef"[number % base];
	while (number /= base);
	return end;
}

/* As "%llx-%u" would be, which took a twentieth of all the time spent on a request. */
void request_write_id(const struct context *request, char id[REQUEST_ID_MAX])
{
	char text[REQUEST_ID_MAX], *first = text + sizeof(text) - 1;

	*first = 0;
	first = put_number(first, request->turn, 10);
	*--first = '-';
	first = put_number(first, request->conn_id, 16);
	memcpy(id, first, (size_t)(text + sizeof(text) - first));
}

static void describe(struct request *told, struct context *request, uint64_t end_ns)
{
	struct context *culprit = context_root(request->culprit);
	uint64_t first_write_ns = request->first_write_ns ? request->first_write_ns : end_ns;

	*told = (struct request){
		.tgid = request->proc->told.tgid,
		.port = request->port,
		.unix_path = request->unix_path,
		.protocol = request->protocol,
		.method = request->line,
		.target = request->target,
		.target_cut = request->target_cut,
		.status = request->status,
		.aborted = request->aborted,
		.opens = request->stream_kind,
		.start_ns = request->start_ns,
		.end_ns = end_ns,
		.ttfb_ns = first_write_ns > request->start_ns ? first_write_ns - request->start_ns : 0,
		.voluntary_switches = request->voluntary,
		.involuntary_switches = request->involuntary,
		.ambiguous = request->ambiguous,
		.threads = request->threads,
		.thread_count = request->thread_count,
		.culprit_ns = request->culprit_ns,
	};
	request_write_id(request, told->id);
	if (culprit && culprit->is_request) {
		told->culprit_known = true;
		told->culprit_method = culprit->line;
		told->culprit_target = culprit->target;
	}
}

static void tell(struct engine *engine, struct context *request)
{
	uint64_t end_ns = later_ns(request->last_write_ns, request->start_ns);
	struct timeline_sums sums;
	struct lists lists = {0};
	struct request told;
	struct request_run *runs;
	struct cpu_split cpu;
	size_t run_count;
	bool complete;

	/* Folded before it was known that a response sent earlier was its own too. */
	if (end_ns < request->timeline.settled_until_ns)
		end_ns = request->timeline.settled_until_ns;
	forget_calls_after(request, end_ns);
	context_lay_calls(request, end_ns);
	complete = timeline_sweep(&request->timeline, request->start_ns, end_ns, &sums) == 0;
	complete &= list_calls(engine, request, &lists);
	complete &= list_locks(request, &sums, &lists);
	complete &= list_runs(request, &runs, &run_count);
	cpu = charge_cpu(request, end_ns);
	if (complete) {
		describe(&told, request, end_ns);
		memcpy(told.state_ns, sums.state_ns, sizeof(told.state_ns));
		memcpy(told.ready_ns, sums.ready_ns, sizeof(told.ready_ns));
		told.cpu_time_ns = cpu.within_ns;
		told.after_response_cpu_ns = cpu.after_ns;
		told.calls = lists.calls;
		told.call_count = request->call_count;
		told.peers = lists.peers;
		told.peer_count = lists.peer_count;
		told.locks = lists.locks;
		told.lock_count = lists.lock_count;
		told.stretches = sums.stretches;
		told.stretch_count = sums.stretch_count;
		told.runs = runs;
		told.run_count = run_count;
		request->proc->told.ambiguous_requests += told.ambiguous && !told.opens;
		if (engine->sink.on_request)
			engine->sink.on_request(engine->sink.context, &told);
	} else {
		engine->losses.contexts++;
	}
	free(sums.stretches);
	free(lists.calls);
	free(lists.peers);
	free(lists.locks);
	free(runs);
}

/* Nothing is given to it any more. */
static void close_request(struct engine *engine, struct context *request)
{
	request->closed = true;
	context_hold(engine, &request->guess, NULL);
	context_hold(engine, &request->step, NULL);
	if (request->conn) {
		context_hold(engine, &request->conn->last_closed, request);
		request->conn = NULL;
	}
}

static void forget_request(struct engine *engine, struct context *request)
{
	request->timeline.count = 0;
	context_forget_procs(request);
	holds_forget(request);
	context_hold(engine, &request->culprit, NULL);
	context_put(engine, request); /* the engine's own: it is open no more */
}

void request_tell_withheld(struct engine *engine, struct context *request)
{
	doubts_settle(request);
	tell(engine, request);
	forget_request(engine, request);
}

void request_tell(struct engine *engine, struct context *request)
{
	leave_open_ones(engine, request);
	strays_claim(engine, request);
	goroutine_settle(request);
	chains_leave_unlinked(request);
	close_request(engine, request);
	if (!withheld_take(engine, request))
		request_tell_withheld(engine, request);
	withheld_tell_due(engine);
}

void request_hold_back(struct engine *engine, struct context *request)
{
	struct conn *conn = request->conn;

	leave_conn(request);
	request->conn = NULL;
	request->partial_since_ns = 0; /* no further write will clear it */
	if (!request->answered)        /* it went out in one write with the one before */
		proc_count_open_requests(request->proc, -1, engine->now_ns);
	request->answered = true;
	context_hold(engine, &conn->last_closed, request);
}

void request_abort(struct engine *engine, struct context *request, uint64_t now_ns)
{
	if (request->partial_since_ns)
		context_add_wait(engine, request, request->partial_since_ns, now_ns, STATE_CLIENT);
	request->partial_since_ns = 0; /* no further write will clear it */
	leave_conn(request);
	request->conn = NULL;
	proc_count_open_requests(request->proc, -1, now_ns);
	request->answered = request->aborted = true;
	request->last_write_ns = now_ns;
}

void request_drop(struct engine *engine, struct context *request)
{
	leave_open_ones(engine, request);
	charge_cpu(request, engine->now_ns);
	close_request(engine, request);
	forget_request(engine, request);
}
