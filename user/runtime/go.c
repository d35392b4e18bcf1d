/* SPDX-License-Identifier: BSD-2-Clause */
/* Go's own tables: its build's version, and the names and addresses of its functions, which a stripped program keeps too. */
#include "runtime/go.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "record.h"
#include "runtime/image.h"

/* ---- what is known of each version: from its debug information and its source, not by analogy --------------------------------------- */

struct reason_range {
	uint8_t first, last, cause;
};

#define RANGES_MAX 7

static const struct {
	unsigned int from, to; /* minor versions */
	uint16_t goid_offset, startpc_offset;
	struct reason_range reasons[RANGES_MAX]; /* runtime.waitReason; the rest is WAIT_OTHER */
} versions[] = {
	/* A mutex and a wait group are one reason here: unnamed. */
	{19, 19, 152, 312, {{2, 2, WAIT_NET}, {9, 9, WAIT_PIPE}, {14, 14, WAIT_PIPE}, {19, 19, WAIT_SLEEP}, {20, 20, WAIT_PIPE}}},
	{20,
	 20,
	 152,
	 312,
	 {{2, 2, WAIT_NET}, {9, 9, WAIT_PIPE}, {14, 14, WAIT_PIPE}, {19, 19, WAIT_SLEEP}, {20, 20, WAIT_PIPE}, {21, 23, WAIT_LOCK}}},
	{21,
	 22,
	 152,
	 296,
	 {{2, 2, WAIT_NET}, {9, 9, WAIT_PIPE}, {14, 14, WAIT_PIPE}, {19, 19, WAIT_SLEEP}, {20, 20, WAIT_PIPE}, {21, 23, WAIT_LOCK}}},
	{23,
	 24,
	 160,
	 304,
	 {{2, 2, WAIT_NET},
	  {9, 9, WAIT_PIPE},
	  {14, 14, WAIT_PIPE},
	  {19, 19, WAIT_SLEEP},
	  {20, 20, WAIT_PIPE},
	  {21, 23, WAIT_LOCK},
	  {36, 36, GO_STAYS}}},
	{25,
	 25,
	 152,
	 296,
	 {{2, 2, WAIT_NET},
	  {9, 9, WAIT_PIPE},
	  {14, 14, WAIT_PIPE},
	  {20, 20, WAIT_SLEEP},
	  {21, 21, WAIT_PIPE},
	  {22, 24, WAIT_LOCK},
	  {38, 38, GO_STAYS}}},
	{26,
	 26,
	 152,
	 304,
	 {{2, 2, WAIT_NET}, {14, 14, WAIT_SLEEP}, {18, 19, WAIT_PIPE}, {21, 21, WAIT_PIPE}, {22, 24, WAIT_LOCK}, {38, 38, GO_STAYS}}},
};

/* Of versions whose threads are known, too. */
static const struct {
	unsigned int from, to;
	uint16_t curg_offset, runq_offset;
} machines[] = {
	{19, 19, 192, 400},
};

static void set_machine(struct go_layout *layout, unsigned int minor)
{
	for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
		if (minor < machines[i].from || minor > machines[i].to)
			continue;
		layout->curg_offset = machines[i].curg_offset;
		layout->runq_offset = machines[i].runq_offset;
	}
}

static void set_causes(struct go_layout *layout, const struct reason_range *ranges)
{
	memset(layout->wait_cause_by_reason, WAIT_OTHER, sizeof(layout->wait_cause_by_reason));
	for (size_t i = 0; i < RANGES_MAX && ranges[i].last; i++)
		memset(layout->wait_cause_by_reason + ranges[i].first, ranges[i].cause, ranges[i].last - ranges[i].first + 1u);
}

static bool know_version(struct go_program *program)
{
	unsigned int minor;

	if (sscanf(program->version, "go1.%u", &minor) != 1)
		return false;
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		if (minor < versions[i].from || minor > versions[i].to)
			continue;
		program->layout.goid_offset = versions[i].goid_offset;
		program->layout.startpc_offset = versions[i].startpc_offset;
		set_causes(&program->layout, versions[i].reasons);
		set_machine(&program->layout, minor);
		return true;
	}
	return false;
}

#define BUILD_INFO_MAGIC   "\xff Go buildinf:"
#define BUILD_INFO_FLAGS   15
#define BUILD_INFO_INLINE  2 /* since 1.18 the strings follow; until then, pointers to them */
#define BUILD_INFO_STRINGS 32

/* A length as a varint, then the version. */
static bool read_version(const struct image *image, struct go_program *program)
{
	struct stretch info = image_section(image, ".go.buildinfo");
	size_t len;

	if (info.size <= BUILD_INFO_STRINGS || memcmp(info.bytes, BUILD_INFO_MAGIC, sizeof(BUILD_INFO_MAGIC) - 1) ||
	    !(info.bytes[BUILD_INFO_FLAGS] & BUILD_INFO_INLINE))
		return false;
	len = info.bytes[BUILD_INFO_STRINGS];
	if (!len || len >= 0x80 || len > info.size - BUILD_INFO_STRINGS - 1)
		return false;
	if (len >= sizeof(program->version))
		len = sizeof(program->version) - 1;
	memcpy(program->version, info.bytes + BUILD_INFO_STRINGS + 1, len);
	return true;
}

/* ---- the table of functions -------------------------------------------------------------------------------------------------------- */

#define TABLE_MAGIC_1_18 0xfffffff0u
#define TABLE_MAGIC_1_20 0xfffffff1u

/* Of its header, 8 bytes each: what lies where. */
enum { TABLE_COUNT = 8, TABLE_TEXT = 24, TABLE_NAMES = 32, TABLE_FUNCTIONS = 64, TABLE_HEADER_BYTES = 72 };

struct functions {
	struct stretch table;
	struct stretch names;
	struct stretch entries; /* of 8 bytes: where it begins, counted from the first one's begin, and where it is described */
	size_t count;
	uint64_t text; /* where the first one begins */
};

/* The header's first 8 bytes: the magic number, two zeros, the step between instructions, the size of a pointer. */
static bool is_table(const struct stretch *table)
{
	uint32_t magic = stretch_u32(table, 0);

	return (magic == TABLE_MAGIC_1_18 || magic == TABLE_MAGIC_1_20) && stretch_u32(table, 4) == 0x08010000;
}

/* A linker of the system puts it among other data, where the program can be moved. */
static struct stretch search_table(struct stretch data)
{
	struct stretch none = {0};

	for (; data.size >= TABLE_HEADER_BYTES; data = stretch_from(&data, sizeof(uint64_t)))
		if (is_table(&data))
			return data;
	return none;
}

static bool open_functions(const struct image *image, struct functions *functions)
{
	struct stretch table = image_section(image, ".gopclntab");

	if (!table.bytes)
		table = image_section(image, ".data.rel.ro.gopclntab");
	if (!table.bytes)
		table = search_table(image_section(image, ".data.rel.ro"));
	if (!is_table(&table))
		return false;
	functions->table = table;
	functions->count = stretch_u64(&table, TABLE_COUNT);
	functions->names = stretch_from(&table, stretch_u64(&table, TABLE_NAMES));
	functions->entries = stretch_from(&table, stretch_u64(&table, TABLE_FUNCTIONS));
	return functions->count < functions->entries.size / 8;
}

static uint64_t function_begin(const struct functions *functions, size_t index)
{
	return functions->text + stretch_u32(&functions->entries, index * 8);
}

/* NULL: damaged. */
static const char *function_name(const struct functions *functions, size_t index)
{
	uint32_t described = stretch_u32(&functions->entries, index * 8 + 4);
	uint32_t name = stretch_u32(&functions->entries, (uint64_t)described + 4);

	return stretch_text(&functions->names, name);
}

/* ---- places ------------------------------------------------------------------------------------------------------------------------ */

enum function {
	EXECUTE,
	NEWPROC,
	READY,
	CASGSTATUS,
	RUNQPUT,
	MAIN,
	MAIN_MAIN,
	GOPARK,
	SCHEDULE,
	MSTART,
	GOEXIT,
	GOSCHED,
	CHANSEND,
	CHANRECV,
	SELECT,
	SEMACQUIRE,
	CONDWAIT,
	SLEEP,
	ASSIST,
	GOYIELD,
	FUNCTIONS
};

static const char *const function_names[FUNCTIONS] = {
	[EXECUTE] = "runtime.execute",
	[NEWPROC] = "runtime.newproc.func1",
	[READY] = "runtime.ready",
	[CASGSTATUS] = "runtime.casgstatus",
	[RUNQPUT] = "runtime.runqput",
	[MAIN] = "runtime.main",
	[MAIN_MAIN] = "main.main",
	[GOPARK] = "runtime.gopark",
	[SCHEDULE] = "runtime.schedule",
	[MSTART] = "runtime.mstart1",
	[GOEXIT] = "runtime.goexit0",
	[GOSCHED] = "runtime.goschedImpl",
	[CHANSEND] = "runtime.chansend",
	[CHANRECV] = "runtime.chanrecv",
	[SELECT] = "runtime.selectgo",
	[SEMACQUIRE] = "runtime.semacquire1",
	[CONDWAIT] = "sync.runtime_notifyListWait",
	[SLEEP] = "time.Sleep",
	[ASSIST] = "runtime.gcParkAssist",
	[GOYIELD] = "runtime.goyield_m",
};

static const struct wanted_call {
	enum function caller, callee;
	enum go_place place;
	bool may_lack; /* the program never does that */
} calls_of_all[] = {{EXECUTE, CASGSTATUS, GO_RUNS, false}, {NEWPROC, RUNQPUT, GO_MADE, false}, {READY, CASGSTATUS, GO_WAKES, false}},
  calls_of_known_machines[] = {
	  {NEWPROC, RUNQPUT, GO_MADE, false},      {MSTART, SCHEDULE, GO_THREAD, false},  {GOEXIT, CASGSTATUS, GO_ENDS, false},
	  {GOSCHED, CASGSTATUS, GO_YIELDS, false}, {CHANSEND, GOPARK, GO_PARKS, false},   {CHANRECV, GOPARK, GO_PARKS, false},
	  {SELECT, GOPARK, GO_PARKS, true},        {SEMACQUIRE, GOPARK, GO_PARKS, false}, {CONDWAIT, GOPARK, GO_PARKS, true},
	  {SLEEP, GOPARK, GO_PARKS, true},         {ASSIST, GOPARK, GO_PARKS, false},     {GOYIELD, CASGSTATUS, GO_YIELDS, false},
};

struct search {
	const struct image *image;
	struct functions functions;
	size_t index[FUNCTIONS]; /* in the table */
	bool found[FUNCTIONS];
	size_t first_of_runtime, last_of_runtime;
};

/* Of a generic function, what is made of it lies with whoever made it. */
static bool is_of_runtime(const char *name)
{
	return name && !strncmp(name, "runtime.", strlen("runtime.")) && !strchr(name, '[');
}

/*
 * A package's functions lie together. Goroutines that begin in package runtime are the runtime's own, as runtime.isSystemGoroutine says,
 * but for the one that runs main.
 */
static void look_at_names(struct search *search)
{
	bool any = false;

	for (size_t i = 0; i < search->functions.count; i++) {
		const char *name = function_name(&search->functions, i);

		for (size_t wanted = 0; name && wanted < FUNCTIONS; wanted++) {
			if (strcmp(name, function_names[wanted]))
				continue;
			search->index[wanted] = i;
			search->found[wanted] = true;
		}
		if (!is_of_runtime(name))
			continue;
		if (!any)
			search->first_of_runtime = i;
		search->last_of_runtime = i;
		any = true;
	}
}

#define CALL_OPCODE 0xe8
#define CALL_BYTES  5

/* Adds the calls of one function by another. Returns how many; −EPROTO: more than can be. */
static int add_calls(const struct search *search, const struct wanted_call *wanted, struct go_program *program)
{
	size_t caller = search->index[wanted->caller];
	uint64_t begin = function_begin(&search->functions, caller), end = function_begin(&search->functions, caller + 1);
	uint64_t callee = function_begin(&search->functions, search->index[wanted->callee]);
	struct stretch code = end > begin ? image_at(search->image, begin, end - begin) : (struct stretch){0};
	int count = 0;

	for (uint64_t at = 0; code.bytes && at + CALL_BYTES <= end - begin; at++) {
		struct go_call call = {.place = wanted->place};
		int32_t distance = (int32_t)stretch_u32(&code, at + 1);

		if (code.bytes[at] != CALL_OPCODE || begin + at + CALL_BYTES + (uint64_t)(int64_t)distance != callee)
			continue;
		if (program->call_count == GO_CALLS_MAX || !image_file_offset(search->image, begin + at, &call.file_offset))
			return -EPROTO;
		program->calls[program->call_count++] = call;
		count++;
	}
	return count;
}

/* With the right begin of the code, each of the calls is there; with a wrong one, none is. */
static bool find_calls(struct search *search, uint64_t text, struct go_program *program)
{
	bool known = program->layout.curg_offset != 0;
	const struct wanted_call *wanted = known ? calls_of_known_machines : calls_of_all;
	size_t count = known ? sizeof(calls_of_known_machines) / sizeof(calls_of_known_machines[0])
			     : sizeof(calls_of_all) / sizeof(calls_of_all[0]);

	search->functions.text = text;
	program->call_count = 0;
	for (size_t i = 0; i < count; i++) {
		if (wanted[i].may_lack && !search->found[wanted[i].caller])
			continue;
		if (add_calls(search, &wanted[i], program) <= 0)
			return false;
	}
	return true;
}

#define MODULE_TEXT 176 /* in runtime.moduledata, since 1.26 in a section of its own, and then only there */

static bool find_places(struct search *search, struct go_program *program)
{
	struct stretch module = image_section(search->image, ".go.module");
	const uint64_t begins[] = {
		image_pointer(search->image, search->functions.table.address + TABLE_TEXT),
		module.bytes ? image_pointer(search->image, module.address + MODULE_TEXT) : 0,
		image_section_at(search->image, ".text"),
	};

	for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++) {
		if (!begins[i] || !find_calls(search, begins[i], program))
			continue;
		program->layout.main_pc = function_begin(&search->functions, search->index[MAIN]);
		program->layout.system_from = function_begin(&search->functions, search->first_of_runtime);
		program->layout.system_to = function_begin(&search->functions, search->last_of_runtime + 1);
		return true;
	}
	return false;
}

static int read_program(const struct image *image, struct go_program *program, const char **why)
{
	struct search search = {.image = image};

	*why = "its build says no version";
	if (!read_version(image, program))
		return -ENOENT;
	*why = "the layout of this version is not known";
	if (!know_version(program))
		return -ENOTSUP;
	*why = "its table of functions is missing or of an unknown form";
	if (!open_functions(image, &search.functions))
		return -ENOENT;
	look_at_names(&search);
	*why = "its scheduler does not look as that of this version";
	for (size_t i = 0; i <= MAIN_MAIN; i++)
		if (!search.found[i])
			return -ENOENT;
	if (search.index[MAIN_MAIN] >= search.first_of_runtime && search.index[MAIN_MAIN] <= search.last_of_runtime)
		return -ENOENT;
	return find_places(&search, program) ? 0 : -ENOENT;
}

int go_program_read(const char *path, struct go_program *program, const char **why)
{
	struct image *image;
	int err;

	*program = (struct go_program){0};
	image = image_open(path);
	if (!image) {
		*why = errno == ENOEXEC ? "it is not a program for x86-64" : "its program cannot be read";
		return -errno;
	}
	program->linked_at = image_linked_at(image);
	err = read_program(image, program, why);
	image_close(image);
	return err;
}
