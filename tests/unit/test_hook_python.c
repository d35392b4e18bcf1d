/* SPDX-License-Identifier: BSD-2-Clause */
/* What is left of a Python in the maps of the kernel half when its hooks are taken out. The maps are arrays here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "config.h"
#include "iocpu.skel.h"
#include "probe/hook_python.h"

enum { SLOT = 3, PLACES_BYTES = 4096 };

static uint8_t places[HOOKED_PROCESSES_MAX][PLACES_BYTES];
static struct python_layout layouts[HOOKED_PROCESSES_MAX];
static bool told_when_forgotten; /* something is told of the process while its places go */

/* The addresses are all that the maps are known by. */
static char places_map, layouts_map;

__u32 bpf_map__value_size(const struct bpf_map *map)
{
	return (const char *)map == &places_map ? sizeof(places[0]) : sizeof(layouts[0]);
}

int bpf_map__update_elem(const struct bpf_map *map, const void *key, size_t key_size, const void *value, size_t value_size, __u64 flags)
{
	uint32_t slot;

	assert_int_equal(key_size, sizeof(slot));
	assert_int_equal(value_size, bpf_map__value_size(map));
	assert_int_equal(flags, BPF_ANY);
	memcpy(&slot, key, sizeof(slot));
	if ((const char *)map == &places_map) {
		told_when_forgotten |= layouts[slot].context_type;
		memcpy(places[slot], value, value_size);
	} else {
		memcpy(&layouts[slot], value, value_size);
	}
	return 0;
}

int loader_attach_uprobe(struct loader *loader, struct bpf_program *program, pid_t tgid, const char *path, uint64_t file_offset,
			 uint64_t cookie)
{
	(void)loader, (void)program, (void)tgid, (void)path, (void)file_offset, (void)cookie;
	return 0;
}

/* Another process takes the slot: it has contexts at the same addresses. Those in other slots are not concerned. */
static void test_nothing_is_left_in_the_slot(void **state)
{
	static const uint8_t none[PLACES_BYTES];
	struct iocpu skel = {.maps = {.python_places = (struct bpf_map *)&places_map, .python_layouts = (struct bpf_map *)&layouts_map}};
	struct loader loader = {.skel = &skel};
	const struct python_hook hook = {.core = {.context_type = 0x1000}};
	(void)state;

	memset(places, 1, sizeof(places));
	assert_int_equal(hook_python_attach(&loader, 1, &hook, SLOT), 0);
	assert_int_equal(hook_python_attach(&loader, 2, &hook, SLOT + 1), 0);
	assert_int_equal(layouts[SLOT].context_type, 0x1000);
	hook_python_forget(&loader, SLOT);
	assert_int_equal(layouts[SLOT].context_type, 0);
	assert_memory_equal(places[SLOT], none, sizeof(none));
	assert_false(told_when_forgotten);
	assert_int_equal(layouts[SLOT + 1].context_type, 0x1000);
	assert_int_equal(places[SLOT - 1][0] + places[SLOT + 1][0], 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_is_left_in_the_slot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
