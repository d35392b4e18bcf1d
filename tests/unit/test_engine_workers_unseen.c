/* SPDX-License-Identifier: BSD-2-Clause */
/* Rule 9 where a loop has worker threads: what they are given, or hand back, without a wake-up. Times in µs. */
#include "unit/workers_script.h"

/* Still awake, the worker finds what it is given without looking at its eventfd, and reads that later. */
static void a_worker_may_go_on_unread(void **state)
{
	struct script *script = server();
	(void)state;

	give_a_and_let_b_wait(script);
	hand_back_a_and_give_b(script);
	WRITE(script, 5060, ONE, WAKE, .off = 3040, .on = 3059, .ready = 19, .cause = WAIT_RUNNABLE);
	READ(script, 5070, ONE, TO_ONE, .epoll = 5065, .events = 1, .epoll_fd = ONE);
	LOOKS(script, 5080, LOOP, WAKE, 3090);
	WRITE(script, 5130, LOOP, CLIENT_B, .status = 200);
	script_finish(script);
	assert_told(script, "GET /a", 1000, 1110);
	assert_told(script, "GET /b", 2000, 2120);
	script_close(script);
}

/* The worker is done with what it was given unseen before the callback that gave it that has shown itself: the loop was off its core. */
static void what_was_given_unseen_may_show_late(void **state)
{
	struct script *script = server();
	(void)state;

	LOOKS(script, 2000, LOOP, CLIENT_A, 700, .arrived = 1990, .line = "GET /a");
	WRITE(script, 2010, LOOP, TO_ONE);
	READ(script, 2020, LOOP, CLIENT_B, .arrived = 1995, .line = "GET /b");
	READ(script, 2025, LOOP, CLIENT_C, .arrived = 1995, .line = "GET /c");
	LOOKS(script, 2030, ONE, TO_ONE, 310);
	hand_back_a_and_give_b(script);
	WRITE(script, 5060, ONE, WAKE, .off = 3040, .on = 3059, .ready = 19, .cause = WAIT_RUNNABLE);
	LOOKS(script, 5075, LOOP, WAKE, 3090);
	WRITE(script, 8080, ONE, WAKE, .off = 5062, .on = 5079, .ready = 17, .cause = WAIT_RUNNABLE);
	READ(script, 8090, ONE, TO_ONE, .epoll = 8085, .events = 1, .epoll_fd = ONE);
	WRITE(script, 8100, LOOP, CLIENT_B, .status = 200, .off = 5080, .on = 8085, .ready = 3005, .cause = WAIT_RUNNABLE);
	WRITE(script, 8120, LOOP, CLIENT_C, .status = 200);
	script_finish(script);
	assert_told(script, "GET /a", 1000, 1110);
	assert_told(script, "GET /b", 2000, 2130);
	assert_told(script, "GET /c", 2990, 3100);
	script_close(script);
}

/* … and it may be what runs, which stood in no line, as a worker was free. */
static void what_runs_may_be_given_unseen(void **state)
{
	struct script *script = server();
	(void)state;

	LOOKS(script, 2000, LOOP, CLIENT_A, 700, .arrived = 1990, .line = "GET /a");
	WRITE(script, 2010, LOOP, TO_ONE);
	LOOKS(script, 2030, ONE, TO_ONE, 310);
	WRITE(script, 3030, ONE, WAKE);
	LOOKS(script, 3050, LOOP, WAKE, 2020);
	WRITE(script, 3080, LOOP, CLIENT_A, .status = 200);
	READ(script, 3090, LOOP, CLIENT_B, .arrived = 3060, .epoll = 3085, .events = 1, .epoll_fd = LOOP, .line = "GET /b");
	WRITE(script, 3100, LOOP, TO_ONE);
	WRITE(script, 5110, ONE, WAKE, .off = 3040, .on = 3110, .ready = 70, .cause = WAIT_RUNNABLE);
	LOOKS(script, 5130, LOOP, WAKE, 3110);
	WRITE(script, 5140, LOOP, CLIENT_B, .status = 200);
	READ(script, 5150, LOOP, CLIENT_C, .arrived = 5120, .epoll = 5145, .events = 1, .epoll_fd = LOOP, .line = "GET /c");
	WRITE(script, 8160, ONE, WAKE, .off = 5120, .on = 5160, .ready = 40, .cause = WAIT_RUNNABLE);
	READ(script, 8170, ONE, TO_ONE, .epoll = 8165, .events = 1, .epoll_fd = ONE);
	LOOKS(script, 8180, LOOP, WAKE, 5170);
	WRITE(script, 8190, LOOP, CLIENT_C, .status = 200);
	script_finish(script);
	assert_told(script, "GET /a", 1000, 1110);
	assert_told(script, "GET /b", 2000, 2110);
	assert_told(script, "GET /c", 3000, 3110);
	script_close(script);
}

/* A worker that has read its eventfd, and was taken off its core before it had looked what there was, needs no wake-up. */
static void a_worker_may_have_read_but_not_looked(void **state)
{
	struct script *script = server();
	(void)state;

	give_a_and_let_b_wait(script);
	WRITE(script, 3030, ONE, WAKE);
	READ(script, 3040, ONE, TO_ONE, .epoll = 3035, .events = 1, .epoll_fd = ONE);
	LOOKS(script, 3050, LOOP, WAKE, 2030);
	WRITE(script, 3080, LOOP, CLIENT_A, .status = 200);
	WRITE(script, 5100, ONE, WAKE, .off = 3042, .on = 3090, .ready = 48, .cause = WAIT_RUNNABLE);
	LOOKS(script, 5120, LOOP, WAKE, 3090);
	WRITE(script, 5130, LOOP, CLIENT_B, .status = 200);
	script_finish(script);
	assert_told(script, "GET /a", 1000, 1110);
	assert_told(script, "GET /b", 2000, 2060);
	script_close(script);
}

/* When it has handed back its runtime may collect garbage, and wait for the threads that help: it was given nothing then. */
static void a_worker_may_collect_garbage(void **state)
{
	struct script *script = server();
	(void)state;

	serve_in_line(script);
	LOOKS(script, 2000, LOOP, CLIENT_A, 1240, .arrived = 1990, .line = "GET /a");
	WRITE(script, 2010, LOOP, TO_ONE);
	READ(script, 2020, LOOP, CLIENT_B, .arrived = 1995, .line = "GET /b");
	READ(script, 2025, LOOP, CLIENT_C, .arrived = 1995, .line = "GET /c");
	LOOKS(script, 2030, ONE, TO_ONE, 1205);
	WRITE(script, 3030, ONE, WAKE);
	READ(script, 3040, ONE, TO_ONE, .epoll = 3035, .events = 1, .epoll_fd = ONE);
	WINDOW(script, 3200, ONE, .off = 3150, .on = 3190, .ready = 40, .cause = WAIT_RUNNABLE);
	WINDOW(script, 3300, ONE, .off = 3280, .on = 3290, .cause = WAIT_LOCK);
	LOOKS(script, 3400, LOOP, WAKE, 2030);
	WRITE(script, 3410, LOOP, TO_ONE);
	WRITE(script, 3420, LOOP, CLIENT_A, .status = 200);
	LOOKS(script, 3450, ONE, TO_ONE, 3310);
	WRITE(script, 5450, ONE, WAKE);
	LOOKS(script, 5470, LOOP, WAKE, 3430);
	WRITE(script, 5480, LOOP, TO_ONE);
	WRITE(script, 5490, LOOP, CLIENT_B, .status = 200);
	LOOKS(script, 5500, ONE, TO_ONE, 5460);
	WRITE(script, 8500, ONE, WAKE);
	LOOKS(script, 8520, LOOP, WAKE, 5495);
	WRITE(script, 8530, LOOP, CLIENT_C, .status = 200);
	script_finish(script);
	assert_told(script, "GET /a", 1000, 1310);
	assert_told(script, "GET /b", 2000, 2110);
	assert_told(script, "GET /c", 3000, 3110);
	script_close(script);
}

/* … and goes on at once with what it is given meanwhile: that it has woken others, or waited for them, does not say where its loop is. */
static void given_unseen_while_it_collects(bool wakes)
{
	struct script *script = server();

	give_a_and_let_b_wait(script);
	hand_back_a_and_give_b(script);
	WRITE(script, 5060, ONE, WAKE, .off = 3040, .on = 3059, .ready = 19, .cause = WAIT_RUNNABLE);
	READ(script, 5070, ONE, TO_ONE, .epoll = 5065, .events = 1, .epoll_fd = ONE);
	if (wakes)
		FUTEX_WAKES(script, 5075, ONE, 0xf00, 1);
	else
		WINDOW(script, 5079, ONE, .off = 5073, .on = 5077, .cause = WAIT_LOCK);
	LOOKS(script, 5080, LOOP, WAKE, 3090);
	WRITE(script, 5130, LOOP, CLIENT_B, .status = 200);
	READ(script, 5140, LOOP, CLIENT_C, .arrived = 5100, .epoll = 5135, .events = 1, .epoll_fd = LOOP, .line = "GET /c");
	READ(script, 5160, LOOP, CLIENT_D, .arrived = 5100, .line = "GET /d");
	WRITE(script, 5170, LOOP, TO_TWO);
	READ(script, 5180, LOOP, CLIENT_A, .arrived = 5110, .line = "GET /e");
	LOOKS(script, 5190, TWO, TO_TWO, 610);
	WRITE(script, 5690, TWO, WAKE);
	LOOKS(script, 5700, LOOP, WAKE, 5185);
	WRITE(script, 5710, LOOP, TO_TWO);
	WRITE(script, 5720, LOOP, CLIENT_D, .status = 200);
	LOOKS(script, 5740, TWO, TO_TWO, 5695);
	WRITE(script, 7740, TWO, WAKE);
	LOOKS(script, 7760, LOOP, WAKE, 5725);
	WRITE(script, 7770, LOOP, CLIENT_A, .status = 200);
	WRITE(script, 8150, ONE, WAKE, .off = 5085, .on = 5150, .ready = 65, .cause = WAIT_RUNNABLE);
	LOOKS(script, 8170, LOOP, WAKE, 7775);
	WRITE(script, 8180, LOOP, CLIENT_C, .status = 200);
	script_finish(script);
	assert_told(script, "GET /c", 3000, 3110);
	assert_told(script, "GET /d", 500, 610);
	assert_told(script, "GET /e", 2000, 2110);
	script_close(script);
}

static void a_worker_may_not_have_looked_since_it_woke_others(void **state)
{
	(void)state;
	given_unseen_while_it_collects(true);
}

static void a_worker_may_not_have_looked_since_it_waited_for_others(void **state)
{
	(void)state;
	given_unseen_while_it_collects(false);
}

/* Of two that are free, who has a wake-up to read still is rather awake than who was last heard of when it had read one. */
static void who_is_awake_is_given_unseen_what_comes(void **state)
{
	struct script *script = server();
	(void)state;

	LOOKS(script, 2000, LOOP, CLIENT_A, 700, .arrived = 1990, .line = "GET /a");
	WRITE(script, 2010, LOOP, TO_ONE);
	READ(script, 2020, LOOP, CLIENT_B, .arrived = 1995, .line = "GET /b");
	WRITE(script, 2022, LOOP, TO_TWO);
	READ(script, 2025, LOOP, CLIENT_C, .arrived = 1995, .line = "GET /c");
	READ(script, 2028, LOOP, CLIENT_D, .arrived = 1995, .line = "GET /d");
	LOOKS(script, 2040, ONE, TO_ONE, 310);
	LOOKS(script, 2045, TWO, TO_TWO, 610);
	WRITE(script, 3040, ONE, WAKE);
	LOOKS(script, 3060, LOOP, WAKE, 2035);
	WRITE(script, 3070, LOOP, TO_ONE);
	WRITE(script, 3080, LOOP, CLIENT_A, .status = 200);
	WRITE(script, 4045, TWO, WAKE);
	LOOKS(script, 4060, LOOP, WAKE, 3085);
	WRITE(script, 4070, LOOP, TO_TWO);
	WRITE(script, 4080, LOOP, CLIENT_B, .status = 200);
	WRITE(script, 5080, ONE, WAKE, .off = 3050, .on = 3079, .ready = 29, .cause = WAIT_RUNNABLE);
	READ(script, 5090, ONE, TO_ONE, .epoll = 5085, .events = 1, .epoll_fd = ONE);
	LOOKS(script, 5110, LOOP, WAKE, 4085);
	WRITE(script, 5120, LOOP, CLIENT_C, .status = 200);
	WRITE(script, 8080, TWO, WAKE, .off = 4050, .on = 4079, .ready = 29, .cause = WAIT_RUNNABLE);
	LOOKS(script, 8100, LOOP, WAKE, 5125);
	WRITE(script, 8110, LOOP, CLIENT_D, .status = 200);
	READ(script, 8120, LOOP, CLIENT_A, .arrived = 8000, .epoll = 8115, .events = 1, .epoll_fd = LOOP, .line = "GET /e");
	LOOKS(script, 9000, LOOP, CLIENT_B, 8125, .arrived = 8990, .line = "GET /f");
	WRITE(script, 9010, LOOP, TO_ONE);
	LOOKS(script, 9030, ONE, TO_ONE, 5095);
	WRITE(script, 10030, ONE, WAKE);
	LOOKS(script, 10050, LOOP, WAKE, 9015);
	WRITE(script, 10060, LOOP, CLIENT_B, .status = 200);
	WRITE(script, 13150, TWO, WAKE, .off = 8085, .on = 8150, .ready = 65, .cause = WAIT_RUNNABLE);
	READ(script, 13160, TWO, TO_TWO, .epoll = 13155, .events = 1, .epoll_fd = TWO);
	LOOKS(script, 13170, LOOP, WAKE, 10065);
	WRITE(script, 13180, LOOP, CLIENT_A, .status = 200);
	script_finish(script);
	assert_told(script, "GET /e", 5000, 5110);
	assert_told(script, "GET /f", 1000, 1110);
	script_close(script);
}

/* One that reads its eventfd for another reason may find there what the loop gives it only then: that wake-up it reads later. */
static void a_worker_may_look_later_than_it_reads(void **state)
{
	struct script *script = server();
	(void)state;

	give_a_and_let_b_wait(script);
	WRITE(script, 3030, ONE, WAKE);
	READ(script, 3040, ONE, TO_ONE, .epoll = 3035, .events = 1, .epoll_fd = ONE);
	LOOKS(script, 3350, LOOP, WAKE, 2030);
	WRITE(script, 3360, LOOP, TO_ONE);
	WRITE(script, 3380, LOOP, CLIENT_A, .status = 200);
	WRITE(script, 5420, ONE, WAKE, .off = 3042, .on = 3420, .ready = 378, .cause = WAIT_RUNNABLE);
	READ(script, 5430, ONE, TO_ONE, .epoll = 5425, .events = 1, .epoll_fd = ONE);
	LOOKS(script, 5440, LOOP, WAKE, 3390);
	WRITE(script, 5450, LOOP, CLIENT_B, .status = 200);
	READ(script, 5465, LOOP, CLIENT_C, .arrived = 5455, .epoll = 5460, .events = 1, .epoll_fd = LOOP, .line = "GET /c");
	WRITE(script, 5480, LOOP, TO_ONE);
	LOOKS(script, 5500, ONE, TO_ONE, 5435);
	WRITE(script, 8500, ONE, WAKE);
	LOOKS(script, 8520, LOOP, WAKE, 5485);
	WRITE(script, 8530, LOOP, CLIENT_C, .status = 200);
	script_finish(script);
	assert_told(script, "GET /a", 1000, 1110);
	assert_told(script, "GET /b", 2000, 2060);
	assert_told(script, "GET /c", 3000, 3100);
	script_close(script);
}

/* Its runtime wakes a worker too: that gives it nothing. */
static void a_worker_may_wake_itself(void **state)
{
	struct script *script = server();
	(void)state;

	give_a_and_let_b_wait(script);
	WRITE(script, 2500, ONE, TO_ONE);
	hand_back_a_and_give_b(script);
	WRITE(script, 5060, ONE, WAKE, .off = 3040, .on = 3059, .ready = 19, .cause = WAIT_RUNNABLE);
	READ(script, 5070, ONE, TO_ONE, .epoll = 5065, .events = 1, .epoll_fd = ONE);
	LOOKS(script, 5080, LOOP, WAKE, 3090);
	WRITE(script, 5130, LOOP, CLIENT_B, .status = 200);
	script_finish(script);
	assert_told(script, "GET /a", 1000, 1110);
	assert_told(script, "GET /b", 2000, 2120);
	script_close(script);
}

/* A free worker that has not read its last wake-up is given at once what comes: that does not wait for the next one to be free. */
static void given_unseen_until(uint64_t read_at)
{
	struct script *script = server();

	serve_in_line(script);
	LOOKS(script, 2000, LOOP, CLIENT_D, 1240, .arrived = 1990, .line = "GET /d");
	WRITE(script, 2005, LOOP, TO_TWO);
	READ(script, 2010, LOOP, CLIENT_A, .arrived = 1990, .line = "GET /a");
	WRITE(script, 2015, LOOP, TO_ONE);
	READ(script, 2020, LOOP, CLIENT_B, .arrived = 1995, .line = "GET /b");
	LOOKS(script, 2030, ONE, TO_ONE, 1205);
	LOOKS(script, 2040, TWO, TO_TWO, 610);
	hand_back_a_and_give_b(script);
	WRITE(script, 5060, ONE, WAKE, .off = 3040, .on = 3059, .ready = 19, .cause = WAIT_RUNNABLE);
	LOOKS(script, 5080, LOOP, WAKE, 3090);
	WRITE(script, 5090, LOOP, CLIENT_B, .status = 200);
	LOOKS(script, 5110, LOOP, CLIENT_C, 5095, .arrived = 5100, .line = "GET /c");
	if (read_at < 5200)
		READ(script, read_at, ONE, TO_ONE, .epoll = read_at - 2, .events = 1, .epoll_fd = ONE);
	WRITE(script, 5200, TWO, WAKE);
	LOOKS(script, 5220, LOOP, WAKE, 5115);
	WRITE(script, 5230, LOOP, CLIENT_D, .status = 200);
	if (read_at > 5230)
		READ(script, read_at, ONE, TO_ONE, .epoll = read_at - 2, .events = 1, .epoll_fd = ONE);
	WRITE(script, 8120, ONE, WAKE);
	LOOKS(script, 8140, LOOP, WAKE, 5235);
	WRITE(script, 8150, LOOP, CLIENT_C, .status = 200);
	script_finish(script);
	assert_told(script, "GET /b", 2000, 2130);
	assert_told(script, "GET /c", 8120 - read_at - 20, 8120 - read_at + 80);
	assert_told(script, "GET /d", 3160, 3260);
	script_close(script);
}

static void who_comes_may_be_given_unseen(void **state)
{
	(void)state;
	given_unseen_until(5250);
}

/* … be it that it reads that before the loop's next record shows that nothing was written. */
static void what_was_given_unseen_may_be_read_at_once(void **state)
{
	(void)state;
	given_unseen_until(5120);
}

/* It reads its eventfd, and is taken off its core before it has looked, when somebody comes whom nobody is seen to give anything. */
static void who_comes_behind_a_late_look_is_given_at_once(void **state)
{
	struct script *script = server();
	(void)state;

	serve_in_line(script);
	LOOKS(script, 2000, LOOP, CLIENT_A, 1240, .arrived = 1990, .line = "GET /a");
	WRITE(script, 2010, LOOP, TO_ONE);
	READ(script, 2015, LOOP, CLIENT_B, .arrived = 1995, .line = "GET /b");
	WRITE(script, 2020, LOOP, TO_TWO);
	LOOKS(script, 2030, ONE, TO_ONE, 1205);
	LOOKS(script, 2040, TWO, TO_TWO, 610);
	READ(script, 2045, LOOP, CLIENT_C, .arrived = 1998, .line = "GET /c");
	WRITE(script, 3030, ONE, WAKE);
	LOOKS(script, 3050, LOOP, WAKE, 2050);
	WRITE(script, 3060, LOOP, TO_ONE);
	WRITE(script, 3070, LOOP, CLIENT_A, .status = 200);
	WRITE(script, 5080, ONE, WAKE, .off = 3032, .on = 3080, .ready = 48, .cause = WAIT_RUNNABLE);
	READ(script, 5085, ONE, TO_ONE, .epoll = 5082, .events = 1, .epoll_fd = ONE);
	LOOKS(script, 5100, LOOP, WAKE, 3080);
	WRITE(script, 5120, LOOP, CLIENT_C, .status = 200);
	LOOKS(script, 5140, LOOP, CLIENT_D, 5125, .arrived = 5130, .line = "GET /d");
	READ(script, 5150, LOOP, CLIENT_X, .arrived = 5135, .line = "GET /e");
	WRITE(script, 8150, TWO, WAKE, .off = 3000, .on = 3010, .ready = 10, .cause = WAIT_RUNNABLE);
	LOOKS(script, 8170, LOOP, WAKE, 5160);
	WRITE(script, 8180, LOOP, TO_TWO);
	WRITE(script, 8190, LOOP, CLIENT_B, .status = 200);
	LOOKS(script, 8200, TWO, TO_TWO, 8155);
	WRITE(script, 9240, ONE, WAKE, .off = 5088, .on = 5240, .ready = 152, .cause = WAIT_RUNNABLE);
	WRITE(script, 9300, TWO, WAKE);
	LOOKS(script, 9320, LOOP, WAKE, 8195);
	WRITE(script, 9330, LOOP, CLIENT_D, .status = 200);
	WRITE(script, 9340, LOOP, CLIENT_X, .status = 200);
	script_finish(script);
	assert_told(script, "GET /d", 4000, 4200);
	assert_told(script, "GET /e", 1000, 1250);
	script_close(script);
}

/* One that has slept was given nothing before it was woken: what waits does so still. */
static void who_sleeps_was_given_nothing(void **state)
{
	struct script *script = server();
	(void)state;

	serve_in_line(script);
	LOOKS(script, 2000, LOOP, CLIENT_A, 1240, .arrived = 1990, .line = "GET /a");
	WRITE(script, 2010, LOOP, TO_ONE);
	READ(script, 2015, LOOP, CLIENT_B, .arrived = 1995, .line = "GET /b");
	LOOKS(script, 2030, ONE, TO_ONE, 1205);
	WRITE(script, 3030, ONE, WAKE);
	LOOKS(script, 3050, LOOP, WAKE, 2025);
	WRITE(script, 3070, LOOP, CLIENT_A, .status = 200);
	LOOKS(script, 3100, LOOP, CLIENT_C, 3080, .arrived = 3090, .line = "GET /c");
	WRITE(script, 3110, LOOP, TO_ONE);
	LOOKS(script, 3125, ONE, TO_ONE, 3035);
	WRITE(script, 5120, ONE, WAKE);
	LOOKS(script, 5140, LOOP, WAKE, 3115);
	WRITE(script, 5150, LOOP, TO_ONE);
	WRITE(script, 5160, LOOP, CLIENT_C, .status = 200);
	LOOKS(script, 5175, ONE, TO_ONE, 5125);
	WRITE(script, 8170, ONE, WAKE);
	LOOKS(script, 8190, LOOP, WAKE, 5165);
	WRITE(script, 8200, LOOP, CLIENT_B, .status = 200);
	script_finish(script);
	assert_told(script, "GET /a", 1000, 1110);
	assert_told(script, "GET /b", 2995, 3110);
	assert_told(script, "GET /c", 1995, 2110);
	script_close(script);
}

/* What its runtime leaves there for itself, and reads, tells nothing of what the loop gives it right behind. */
static void a_workers_own_task_is_no_work_of_the_loops(void **state)
{
	struct script *script = server();
	(void)state;

	give_a_and_let_b_wait(script);
	WRITE(script, 3000, ONE, TO_ONE);
	WRITE(script, 3030, ONE, WAKE);
	READ(script, 3040, ONE, TO_ONE, .epoll = 3035, .events = 1, .epoll_fd = ONE);
	LOOKS(script, 3055, LOOP, WAKE, 2030);
	WRITE(script, 3060, LOOP, TO_ONE);
	WRITE(script, 3080, LOOP, CLIENT_A, .status = 200);
	LOOKS(script, 3090, ONE, TO_ONE, 3045);
	WRITE(script, 5090, ONE, WAKE);
	LOOKS(script, 5110, LOOP, WAKE, 3100);
	WRITE(script, 5130, LOOP, CLIENT_B, .status = 200);
	script_finish(script);
	assert_told(script, "GET /a", 1000, 1110);
	assert_told(script, "GET /b", 2000, 2100);
	script_close(script);
}

/* Who is answered is done, be it that the worker has not been heard of since it took that. */
static void who_is_answered_has_been_handed_back(void **state)
{
	struct script *script = server();
	(void)state;

	serve_in_line(script);
	LOOKS(script, 2000, LOOP, CLIENT_A, 1240, .arrived = 1990, .line = "GET /a");
	WRITE(script, 2010, LOOP, TO_ONE);
	READ(script, 2015, LOOP, CLIENT_B, .arrived = 1995, .line = "GET /b");
	WRITE(script, 2020, LOOP, TO_TWO);
	LOOKS(script, 2030, ONE, TO_ONE, 1205);
	LOOKS(script, 2040, TWO, TO_TWO, 610);
	WRITE(script, 3030, ONE, WAKE);
	LOOKS(script, 3060, LOOP, WAKE, 2030);
	WRITE(script, 3080, LOOP, CLIENT_B, .status = 200);
	LOOKS(script, 3100, LOOP, CLIENT_C, 3085, .arrived = 3088, .line = "GET /c");
	WRITE(script, 3110, LOOP, TO_TWO);
	WRITE(script, 5120, TWO, WAKE, .off = 3040, .on = 3120, .ready = 80, .cause = WAIT_RUNNABLE);
	LOOKS(script, 5140, LOOP, WAKE, 3120);
	WRITE(script, 5150, LOOP, CLIENT_C, .status = 200);
	script_finish(script);
	assert_told(script, "GET /b", 1000, 1110);
	assert_told(script, "GET /c", 2000, 2110);
	script_close(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_worker_may_go_on_unread),
		cmocka_unit_test(what_was_given_unseen_may_show_late),
		cmocka_unit_test(what_runs_may_be_given_unseen),
		cmocka_unit_test(a_worker_may_have_read_but_not_looked),
		cmocka_unit_test(a_worker_may_not_have_looked_since_it_woke_others),
		cmocka_unit_test(a_worker_may_not_have_looked_since_it_waited_for_others),
		cmocka_unit_test(who_is_awake_is_given_unseen_what_comes),
		cmocka_unit_test(a_worker_may_collect_garbage),
		cmocka_unit_test(a_worker_may_look_later_than_it_reads),
		cmocka_unit_test(a_worker_may_wake_itself),
		cmocka_unit_test(who_comes_may_be_given_unseen),
		cmocka_unit_test(what_was_given_unseen_may_be_read_at_once),
		cmocka_unit_test(who_comes_behind_a_late_look_is_given_at_once),
		cmocka_unit_test(who_sleeps_was_given_nothing),
		cmocka_unit_test(a_workers_own_task_is_no_work_of_the_loops),
		cmocka_unit_test(who_is_answered_has_been_handed_back),
	};

	return cmocka_run_group_tests_name("engine: worker threads, unseen", tests, NULL, NULL);
}
