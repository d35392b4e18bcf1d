/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 11, of loops that read ahead and whose handlers several threads run: does a thread that sleeps in a futex wait for its turn, in a
 * condition, or for a lock that somebody holds? Those that wait in a condition of glibc's sleep in one of two words beside each other, in
 * turns; those that wait for a lock in one alone. And nobody waits for a turn as long as something is queued.
 */
#include "engine/rules_loop.h"

#define WORD_BYTES 4
#define SLEEPS_MIN 8 /* by then a condition would have shown its other word */
#define QUEUED_MIN 4 /* nobody waits for a turn while so many are queued: some may have run unseen */

static struct futex_word *word_of(struct proc *proc, uint64_t futex_at)
{
	struct futex_word *least = &proc->slept_at[0];

	for (uint32_t i = 0; i < FUTEX_WORDS; i++) {
		if (proc->slept_at[i].futex_at == futex_at)
			return &proc->slept_at[i];
		if (proc->slept_at[i].sleeps < least->sleeps)
			least = &proc->slept_at[i];
	}
	*least = (struct futex_word){.futex_at = futex_at};
	return least;
}

bool shared_sleeps_for_lock(const struct thread *thread, uint64_t futex_at, uint64_t off_ns)
{
	struct futex_word *word;
	bool any_paired = false;

	if (!futex_at || !rule_11_shared_ahead(thread))
		return false;
	word = word_of(thread->proc, futex_at);
	word->sleeps++;
	for (uint32_t i = 0; i < FUTEX_WORDS; i++) {
		struct futex_word *other = &thread->proc->slept_at[i];

		if (other->futex_at + WORD_BYTES == futex_at || other->futex_at == futex_at + WORD_BYTES)
			other->paired = word->paired = true;
		any_paired |= other->paired;
	}
	if (word->paired)
		return false;
	return (any_paired && word->sleeps > SLEEPS_MIN) || shared_count_not_shown(thread->continuations, off_ns) >= QUEUED_MIN;
}
