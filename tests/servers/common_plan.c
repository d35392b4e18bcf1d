/* SPDX-License-Identifier: BSD-2-Clause */
#include "common_plan.h"

#include <stdbool.h>
#include <string.h>

#include "common_clock.h"

#define JSON_BODY_BYTES  HTTP_BODY_LINE
#define LARGE_BODY_BYTES (8u << 20)

const enum peer typical_peers[CALLS_AT_ONCE] = {PEER_DB, PEER_CACHE, PEER_DB, PEER_MAIL, PEER_DB};

#define STEP(step_kind, whom, how_long) ((struct step){.kind = (step_kind), .peer = (whom), .ns = (how_long)})

#define BURN_MS(ms)      STEP(STEP_BURN, 0, (ms)*NS_PER_MS)
#define CALL(whom)       STEP(STEP_CALL, whom, 50 * NS_PER_MS)
#define CALL_ALL         STEP(STEP_CALL_ALL, 0, 50 * NS_PER_MS)
#define POOL_CALL_MS(ms) STEP(STEP_POOL_CALL, PEER_DB, (ms)*NS_PER_MS)
#define SLEEP_MS(ms)     STEP(STEP_SLEEP, 0, (ms)*NS_PER_MS)
#define DO(what)         STEP(STEP_##what, 0, 0)

static const struct step json_steps[] = {DO(RESPOND), DO(END)};
static const struct step typical_steps[] = {CALL(PEER_DB), CALL(PEER_CACHE), CALL(PEER_DB), CALL(PEER_MAIL),
					    CALL(PEER_DB), BURN_MS(10),      DO(RESPOND),   DO(END)};
static const struct step parallel_steps[] = {CALL_ALL, BURN_MS(10), DO(RESPOND), DO(END)};
static const struct step cpu_steps[] = {BURN_MS(100), DO(RESPOND), DO(END)};
static const struct step lock_steps[] = {DO(LOCK), SLEEP_MS(20), DO(UNLOCK), DO(RESPOND), DO(END)};
static const struct step hold_steps[] = {DO(LOCK), SLEEP_MS(60), DO(UNLOCK), DO(RESPOND), DO(END)};
static const struct step pool_steps[] = {POOL_CALL_MS(20), DO(RESPOND), DO(END)};
static const struct step disk_steps[] = {DO(DISK), DO(RESPOND), DO(END)};
static const struct step log_steps[] = {DO(LOG), DO(RESPOND), DO(END)};
static const struct step sleep_steps[] = {SLEEP_MS(30), DO(RESPOND), DO(END)};
static const struct step fire_steps[] = {DO(RESPOND), BURN_MS(5), CALL(PEER_DB), DO(END)};

static void copy_steps(struct plan *plan, const struct step *steps)
{
	struct step *into = plan->steps;

	do {
		*into++ = *steps;
	} while (steps++->kind != STEP_END);
}

/* /work?cpu=US&calls=N&hold=US&pool=1: N calls (through the pool) one after another, the CPU burned in equal parts before, between and
 * behind them. */
static void plan_work(struct plan *plan, const struct http_request *request)
{
	unsigned long calls = request->calls;
	struct step *step = plan->steps, burn;

	if (calls > PLAN_CALLS_MAX) {
		plan->status = 400;
		calls = 0;
	}
	burn = STEP(STEP_BURN, 0, request->cpu_us * NS_PER_US / (calls + 1));
	*step++ = burn;
	for (unsigned long i = 0; i < calls; i++) {
		*step++ =
			STEP(request->pooled ? STEP_POOL_CALL : STEP_CALL, typical_peers[i % CALLS_AT_ONCE], request->hold_us * NS_PER_US);
		*step++ = burn;
	}
	*step++ = DO(RESPOND);
	*step = DO(END);
}

/* ?cpu=US holds the lock computing rather than asleep. */
static void plan_locked(struct plan *plan, const struct http_request *request, const struct step *steps)
{
	copy_steps(plan, steps);
	if (request->cpu_us)
		plan->steps[1] = STEP(STEP_BURN, 0, request->cpu_us * NS_PER_US);
}

static void plan_lock(struct plan *plan, const struct http_request *request)
{
	plan_locked(plan, request, lock_steps);
}

static void plan_hold(struct plan *plan, const struct http_request *request)
{
	plan_locked(plan, request, hold_steps);
}

static const struct endpoint {
	const char *path;
	const struct step *steps;
	void (*plan)(struct plan *plan, const struct http_request *request); /* where the steps depend on the query */
	size_t body_bytes;
	bool prefix; /* any path that begins so */
} endpoints[] = {
	{"/json", json_steps, NULL, JSON_BODY_BYTES, false},
	{"/users/", json_steps, NULL, JSON_BODY_BYTES, true},
	{"/typical", typical_steps, NULL, JSON_BODY_BYTES, false},
	{"/parallel", parallel_steps, NULL, JSON_BODY_BYTES, false},
	{"/cpu", cpu_steps, NULL, JSON_BODY_BYTES, false},
	{"/block", cpu_steps, NULL, JSON_BODY_BYTES, false}, /* the same work; on a loop it is everybody's */
	{"/lock", NULL, plan_lock, JSON_BODY_BYTES, false},
	{"/hold", NULL, plan_hold, JSON_BODY_BYTES, false},
	{"/pool", pool_steps, NULL, JSON_BODY_BYTES, false},
	{"/disk", disk_steps, NULL, JSON_BODY_BYTES, false},
	{"/log", log_steps, NULL, JSON_BODY_BYTES, false},
	{"/slow-client", json_steps, NULL, LARGE_BODY_BYTES, false},
	{"/sleep", sleep_steps, NULL, JSON_BODY_BYTES, false},
	{"/work", NULL, plan_work, JSON_BODY_BYTES, false},
	{"/fire", fire_steps, NULL, JSON_BODY_BYTES, false},
};

static const struct endpoint *find_endpoint(const char *path)
{
	for (size_t i = 0; i < sizeof endpoints / sizeof *endpoints; i++)
		if (endpoints[i].prefix ? !strncmp(path, endpoints[i].path, strlen(endpoints[i].path)) : !strcmp(path, endpoints[i].path))
			return &endpoints[i];
	return NULL;
}

void plan_request(struct plan *plan, const struct http_request *request)
{
	const struct endpoint *endpoint = find_endpoint(request->path);

	plan->status = endpoint ? 200 : 404;
	plan->body_bytes = endpoint ? endpoint->body_bytes : 0;
	if (endpoint && endpoint->plan)
		endpoint->plan(plan, request);
	else
		copy_steps(plan, endpoint ? endpoint->steps : json_steps);
}
