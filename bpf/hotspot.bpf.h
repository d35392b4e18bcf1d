/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * HotSpot's virtual threads: the id of the one that a carrier runs is read from the JVM's memory whenever the carrier is looked at anyway,
 * at its boundaries and as it leaves a core. A uprobe tells when one leaves its carrier; without it that moment is known only so far.
 * Never: an id of a thread whose Java object does not point back to it.
 */
#ifndef IOCPU_HOTSPOT_BPF_H
#define IOCPU_HOTSPOT_BPF_H

#include "hotspot_heap.bpf.h"
#include "hotspot_memory.bpf.h"
#include "strand.bpf.h"

/* Asked once a thread, and again when another process got a layout. Full: user space refuses. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, HOOKED_PROCESSES_MAX);
	__type(key, __u32);
	__type(value, __u32);
} hotspot_slots SEC(".maps");

volatile __u32 hotspots = 0;

/* Of each process: up to which id it is known who made the thread. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, HOOKED_PROCESSES_MAX);
	__type(key, __u32);
	__type(value, __u64);
} hotspot_made_ids SEC(".maps");

/* Java threads are found at their first look, all but those that begin. Others, of the collector and the compilers, never are. */
#define FINDS_MAX 200

/* ---- which thread this is ------------------------------------------------------------------------------------------------------------ */

/* The JavaThread that the thread's own storage names, by way of libjvm's block; believed only if its object points back. */
static __always_inline bool find_java_thread(struct thread *thread, struct task_struct *task, const struct hotspot_layout *layout)
{
	__u64 vector = 0, block = 0, java_thread = 0, object, back = 0;

	if (!read_user(&vector, THREAD_POINTER(task) + 8) || !read_user(&block, vector + 16 * (__u64)layout->tls_module))
		return false;
	if (block + 1 <= 1 || !read_user(&java_thread, block + layout->tls_offset) || !java_thread)
		return false;
	object = object_by_handle(layout, java_thread, layout->thread_object);
	if (!object || !read_user(&back, object + layout->object_thread) || back != java_thread)
		return false;
	if (!read_user(&thread->carrier_id, object + layout->object_id))
		return false;
	thread->strand_at = java_thread;
	return true;
}

/* NULL: no Java thread. */
static __always_inline const struct hotspot_layout *hotspot_of(struct thread *thread, struct task_struct *task)
{
	const struct hotspot_layout *layout;
	__u32 tgid = task->tgid, *slot;

	if (thread->carrier_id)
		return bpf_map_lookup_elem(&hotspot_layouts, &thread->hotspot);
	if (thread->hotspots_asked == hotspots && thread->finds == FINDS_MAX)
		return NULL;
	if (thread->hotspots_asked != hotspots) {
		thread->hotspots_asked = hotspots;
		thread->finds = 0;
	}
	slot = bpf_map_lookup_elem(&hotspot_slots, &tgid);
	if (!slot) {
		thread->finds = FINDS_MAX;
		return NULL;
	}
	thread->finds++;
	thread->hotspot = *slot;
	layout = bpf_map_lookup_elem(&hotspot_layouts, &thread->hotspot);
	return layout && find_java_thread(thread, task, layout) ? layout : NULL;
}

/* ---- what it runs
 * ------------------------------------------------------------------------------------------------------------------------ */

/* The strand of the virtual thread that is mounted; 0: none is. False: not readable, as at a thread's end. */
static __always_inline bool mounted_strand(const struct thread *thread, const struct hotspot_layout *layout, __u64 *strand_id)
{
	__u64 id = 0, next_id = 0, object;

	if (layout->current_id) {
		if (!read_user(&id, thread->strand_at + layout->current_id))
			return false;
	} else {
		object = object_by_handle(layout, thread->strand_at, layout->current_object);
		if (!object || !read_user(&id, object + layout->object_id))
			return false;
	}
	*strand_id = id == thread->carrier_id ? 0 : id;
	/* What was freed may hold anything. */
	if (*strand_id && *strand_id != thread->strand_id && layout->next_id_at)
		return read_user(&next_id, layout->next_id_at) && id < next_id;
	return true;
}

/* Whoever opened the structured scope that the virtual thread was started in; 0: it was in none. */
static __always_inline __u64 scope_owner(const struct hotspot_layout *layout, __u64 object)
{
	__u64 container, owner, id = 0;

	if (!layout->object_container)
		return 0;
	container = reference_in(layout, object, layout->object_container);
	owner = container ? reference_in(layout, container, layout->container_owner) : 0;
	return owner && read_user(&id, owner + layout->object_id) ? id : 0;
}

/* Whoever made the mounted one; 0: unknown. */
static __always_inline __u64 mounted_parent(const struct thread *thread, const struct hotspot_layout *layout, __u64 strand_id)
{
	__u64 object = object_by_handle(layout, thread->strand_at, layout->current_object), owner;

	if (!object)
		return 0;
	owner = scope_owner(layout, object);
	return owner || !layout->piece_start ? owner : maker_of(thread->hotspot, strand_id, object);
}

/* ---- telling ------------------------------------------------------------------------------------------------------------------------- */

/*
 * Ids that were taken since the thread's last look were taken by whoever ran, on this thread or on another one; most likely by the first
 * that is looked at. New threads make nothing so soon. What a thread that is nobody's carrier makes, as connections' threads, is for
 * nobody.
 */
static __noinline void tell_made(struct thread *thread, struct task_struct *task, __u64 now)
{
	const struct hotspot_layout *layout = hotspot_of(thread, task);
	struct boundary end = {.at_ns = now, .kind = RECORD_STRAND, .op = STRAND_MADE, .fd = -1};
	__u64 next_id = 0, first = thread->next_id_seen, made, *made_ids;

	if (!layout || !layout->next_id_at || thread->aside || !read_user(&next_id, layout->next_id_at))
		return;
	thread->next_id_seen = next_id;
	made_ids = bpf_map_lookup_elem(&hotspot_made_ids, &thread->hotspot);
	if (!made_ids || !first || (thread->strand_told && !thread->strand_id))
		return;
	made = *made_ids;
	if (first < made)
		first = made;
	if (first >= next_id || thread->strand_id >= first)
		return;
	if (__sync_val_compare_and_swap(made_ids, made, next_id) != made || !thread->strand_id)
		return;
	end.tid = task->pid;
	end.conn_id = first;
	end.result = next_id - first;
	charge_core(thread, task, now);
	emit_span(thread, task, &end, 0);
}

/*
 * Has the one that was seen last said that it leaves, by a read that found nothing, or by the probe? That one may be seen once more, where
 * its carrier is preempted on the way.
 */
static __always_inline bool was_leaving(const struct thread *thread)
{
	return !thread->strand_id || thread->awaits_data || thread->strand_id == thread->yielded_id;
}

/*
 * Until 23 a virtual thread that lets another one go on, or sets a timer, steps aside meanwhile: its carrier passes for the current thread.
 * That is over soon and without a wait. So one that seems to be gone, and has not said that it leaves, has ended only if its carrier waits,
 * or it is still gone when the carrier is looked at next.
 */
static __always_inline bool may_be_aside(struct thread *thread, const struct hotspot_layout *layout, bool waits)
{
	if (layout->current_id || !layout->tells_yield)
		return false;
	thread->aside = !thread->aside & !waits;
	return thread->aside;
}

/*
 * Whoever is seen after nobody, or after one that was leaving, has run since then. Else the first one has, as one that ends does without a
 * word; but where no probe tells who leaves, that is doubtful. `waits`: it leaves its core, to wait.
 */
static __noinline void tell_who_is_mounted(struct thread *thread, struct task_struct *task, const struct hotspot_layout *layout,
					   struct strand_change *change, bool waits)
{
	bool was_gone = was_leaving(thread);

	if (!change->strand_id && !was_gone && may_be_aside(thread, layout, waits))
		return;
	if (!was_gone)
		thread->next_id_seen = 0; /* what it made as it ended is nobody's */
	change->last.cause = thread->awaits_data ? WAIT_NET : WAIT_OTHER;
	change->last.ended = !was_gone && layout->tells_yield;
	if (change->strand_id) {
		change->since_last_seen = was_gone | thread->aside;
		change->doubtful = !was_gone && !layout->tells_yield;
	}
	thread->aside = 0;
	tell_change(thread, task, change);
}

static __always_inline void look_at_mounted(struct thread *thread, struct task_struct *task, __u64 now, bool waits)
{
	const struct hotspot_layout *layout = hotspot_of(thread, task);
	struct strand_change change = {.at_ns = now};

	if (!layout)
		return;
	if (!mounted_strand(thread, layout, &change.strand_id)) {
		count_loss(LOSS_STRANDS);
		return;
	}
	/* A thread that no virtual one was ever seen on is nobody's carrier, and works for itself. */
	if (change.strand_id == thread->strand_id) {
		thread->yielded_id = 0;
		thread->aside = 0;
		return;
	}
	/* Here, as the stacks of all that call each other share 512 bytes. */
	if (change.strand_id)
		change.parent_id = mounted_parent(thread, layout, change.strand_id);
	tell_who_is_mounted(thread, task, layout, &change, waits);
}

/* Before a record of the thread, or the end of its time on a core, at `now` (`waits`: to wait). Its account is being written. */
static __always_inline void tell_mounted(struct thread *thread, struct task_struct *task, __u64 now, bool waits)
{
	if (!hotspots)
		return;
	look_at_mounted(thread, task, now, waits);
	if (thread->carrier_id && thread->strand_told && !thread->aside)
		note_heap(thread->hotspot, thread->strand_at, thread->strand_id);
	tell_made(thread, task, now);
}

/* It yields: until now it has run, and from now on its carrier looks for another one. If it cannot be unmounted, it is seen again. */
SEC("?uprobe")
int on_hotspot_yields(struct pt_regs *ctx)
{
	ON_THE_THREADS_STACK(ctx);
	struct task_struct *task = bpf_get_current_task_btf();
	struct thread *thread = thread_to_write(task);
	struct strand_change change = {0};

	if (!thread)
		return 0;
	thread_write_begin(thread);
	change.at_ns = bpf_ktime_get_ns();
	change.last.cause = thread->awaits_data ? WAIT_NET : WAIT_OTHER;
	tell_mounted(thread, task, change.at_ns, false);
	thread->yielded_id = thread->strand_id;
	if (thread->strand_id) {
		tell_change(thread, task, &change);
		note_heap(thread->hotspot, thread->strand_at, 0);
	}
	thread_write_end(thread);
	return 0;
}

#endif
