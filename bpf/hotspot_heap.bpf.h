/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Who made a virtual thread: its object tells, by where it lies. Each carrier takes memory from a piece of the heap of its own, from the
 * front to the back; so what lies there between two looks at it was made by the virtual thread that it ran all the while.
 * Never: once the collector has moved the object. Then it lies nowhere that is known.
 */
#ifndef IOCPU_HOTSPOT_HEAP_BPF_H
#define IOCPU_HOTSPOT_HEAP_BPF_H

#include "hotspot_memory.bpf.h"

#define HEAP_CARRIERS  32   /* by thread id; of two that share a place the one that was looked at last has it */
#define HEAP_STRETCHES 1024 /* the latest ones: several of each thread made, which may wait behind hundreds that others have made */
#define HEAP_KNOWN     256  /* virtual threads, by id, that have been asked for: each is once */
#define HEAP_DISORDER  16   /* by so many ids a stretch may be kept too late */

/* A carrier as it was looked at last. */
struct heap_carrier {
	__u64 java_thread;
	__u64 strand_id;       /* 0: it ran none */
	__u64 start, top, end; /* its piece; it is used up to `top` */
	__u64 next_id;         /* the counter of threads */
};

struct heap_stretch {
	__u64 from, until;
	__u64 strand_id;         /* whose all that was made there is */
	__u32 first_id, next_id; /* the counter of threads before and after, in its lower half */
};

struct hotspot_heap {
	__u32 stretch_count; /* ever */
	__u8 pad[4];
	struct heap_carrier carriers[HEAP_CARRIERS];
	struct heap_stretch stretches[HEAP_STRETCHES];
	__u64 known[HEAP_KNOWN];
};

enum bpf_func_id___loop { BPF_FUNC_loop___loop };

/* Of each process. User space writes zeros before a process gets its number. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, HOOKED_PROCESSES_MAX);
	__type(key, __u32);
	__type(value, struct hotspot_heap);
} hotspot_heaps SEC(".maps");

/* ---- noting -------------------------------------------------------------------------------------------------------------------------- */

static __always_inline bool read_piece(struct heap_carrier *carrier, const struct hotspot_layout *layout, __u64 java_thread)
{
	return read_user(&carrier->start, java_thread + layout->piece_start) && read_user(&carrier->top, java_thread + layout->piece_top) &&
	       read_user(&carrier->end, java_thread + layout->piece_end);
}

static __always_inline void keep_stretch(struct hotspot_heap *heap, struct heap_stretch stretch)
{
	if (stretch.from < stretch.until)
		heap->stretches[__sync_fetch_and_add(&heap->stretch_count, 1) & (HEAP_STRETCHES - 1)] = stretch;
}

/*
 * A look at the carrier that the present thread is, which runs this strand. What the runtime does for nobody makes no threads. Global, as
 * maker_of is, so that the verifier looks at it once a program, and not by each way that leads there.
 */
__noinline int note_heap(__u32 slot, __u64 java_thread, __u64 strand_id)
{
	const struct hotspot_layout *layout = bpf_map_lookup_elem(&hotspot_layouts, &slot);
	struct hotspot_heap *heap = bpf_map_lookup_elem(&hotspot_heaps, &slot);
	struct heap_carrier *last, now = {.java_thread = java_thread, .strand_id = strand_id};
	bool same, made_any;

	if (!layout || !layout->piece_start || !heap || !read_user(&now.next_id, layout->next_id_at))
		return 0;
	last = &heap->carriers[bpf_get_current_pid_tgid() & (HEAP_CARRIERS - 1)];
	same = last->java_thread == java_thread && last->strand_id == strand_id;
	made_any = last->next_id != now.next_id;
	if ((same && !made_any) || !read_piece(&now, layout, java_thread))
		return 0;
	if (made_any && strand_id && last->java_thread == java_thread && (same || !last->strand_id)) {
		struct heap_stretch made = {now.start, now.top, strand_id, (__u32)last->next_id, (__u32)now.next_id};

		if (last->start == now.start)
			made.from = last->top;
		else
			keep_stretch(heap, (struct heap_stretch){last->top, last->end, strand_id, made.first_id, made.next_id});
		keep_stretch(heap, made);
	}
	*last = now;
	return 0;
}

/* ---- asking -------------------------------------------------------------------------------------------------------------------------- */

struct heap_search {
	struct hotspot_heap *heap;
	const struct hotspot_layout *layout;
	__u64 object;
	__u32 id;       /* of the virtual thread, its lower half */
	__u64 maker_id; /* 0: not found */
};

/* Who runs on a carrier that has made something since it was looked at last; 0: nobody, or it is not certain. */
static __always_inline __u64 runs_on(const struct heap_carrier *carrier, const struct hotspot_layout *layout)
{
	__u64 start = 0, id = 0;

	if (!read_user(&start, carrier->java_thread + layout->piece_start) || start != carrier->start)
		return 0; /* the collector has been there */
	if (!layout->current_id)
		return carrier->strand_id;
	return carrier->strand_id && read_user(&id, carrier->java_thread + layout->current_id) && id == carrier->strand_id ? id : 0;
}

/* In both 1 ends the loop: it is found. */
static int look_at_carrier(__u32 i, struct heap_search *search)
{
	const struct heap_carrier *carrier = &search->heap->carriers[i & (HEAP_CARRIERS - 1)];

	if (search->object >= carrier->top && search->object < carrier->end)
		search->maker_id = runs_on(carrier, search->layout);
	return search->maker_id != 0;
}

static __always_inline const struct heap_stretch *stretch_at(const struct hotspot_heap *heap, __u32 number)
{
	return &heap->stretches[number & (HEAP_STRETCHES - 1)];
}

/*
 * Made before the oldest one that is kept began: most likely by one that is kept no more. A stretch that is as old, but was kept later, is
 * given up, for a search through all that are kept costs too much.
 */
static __always_inline bool is_too_old(const struct heap_search *search)
{
	return (__s32)(search->id - stretch_at(search->heap, search->heap->stretch_count)->first_id) < 0;
}

/* The newest comes first: behind one that was over before the thread was made there is none. */
static int look_at_stretch(__u32 i, struct heap_search *search)
{
	const struct heap_stretch *stretch = stretch_at(search->heap, search->heap->stretch_count - 1 - i);

	if ((__s32)(search->id - stretch->next_id) >= HEAP_DISORDER)
		return 1;
	if (search->object >= stretch->from && search->object < stretch->until && (__s32)(search->id - stretch->first_id) >= 0 &&
	    (__s32)(search->id - stretch->next_id) < 0)
		search->maker_id = stretch->strand_id;
	return search->maker_id != 0;
}

/* Who made the virtual thread whose object this is; 0: unknown, or it was asked for before. */
__noinline __u64 maker_of(__u32 slot, __u64 strand_id, __u64 object)
{
	struct heap_search search = {.object = object, .id = (__u32)strand_id};

	search.layout = bpf_map_lookup_elem(&hotspot_layouts, &slot);
	search.heap = bpf_map_lookup_elem(&hotspot_heaps, &slot);
	if (!search.layout || !search.heap || search.heap->known[strand_id & (HEAP_KNOWN - 1)] == strand_id)
		return 0;
	search.heap->known[strand_id & (HEAP_KNOWN - 1)] = strand_id;
	/* A loop of one's own the verifier would walk through, in each program. Since 5.17 (e6f2dd0f8067) there is a helper. */
	if (!bpf_core_enum_value_exists(enum bpf_func_id___loop, BPF_FUNC_loop___loop))
		return 0;
	bpf_loop(HEAP_CARRIERS, look_at_carrier, &search, 0);
	if (!search.maker_id && !is_too_old(&search))
		bpf_loop(HEAP_STRETCHES, look_at_stretch, &search, 0);
	return search.maker_id;
}

#endif
