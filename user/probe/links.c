/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe/links.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "probe/limits.h"

/* BPF_TRACE_UPROBE_MULTI, and what BPF_LINK_CREATE is given for it, which headers older than 6.6 do not have. */
#define UPROBE_MULTI 48

struct link_uprobe_multi {
	__u32 program_fd;
	__u32 target_fd;
	__u32 attach_type;
	__u32 link_flags;
	__aligned_u64 path;
	__aligned_u64 offsets;
	__aligned_u64 reference_offsets;
	__aligned_u64 cookies;
	__u32 count;
	__u32 flags;
	__u32 pid;
	__u32 pad;
};

/* ---- attaching */

int links_keep(struct links *links, struct bpf_link *link)
{
	if (!link)
		return -errno;
	links->attached[links->count++] = (struct attached){.link = link, .link_fd = -1};
	return 0;
}

void links_choose_multi(struct bpf_program *program)
{
	bpf_program__set_expected_attach_type(program, (enum bpf_attach_type)UPROBE_MULTI);
}

/*
 * A link may be two open files, a perf event's and its own: with the usual limit of 1,024 the hooks of 30 processes would leave none to
 * read /proc with, or to answer a scrape.
 */
#define FILES_OF_LINK 2
#define FILES_BESIDE  1024

static int keep_link_fd(struct links *links, int fd)
{
	if (fd < 0)
		return fd;
	links->attached[links->count++] = (struct attached){.link_fd = fd};
	return 0;
}

/* As libbpf does it since 1.3, with one place. Its fd, or −errno. */
static int link_uprobe(const struct bpf_program *program, pid_t tgid, const char *path, uint64_t file_offset, uint64_t cookie)
{
	struct link_uprobe_multi request = {
		.program_fd = (__u32)bpf_program__fd(program),
		.attach_type = UPROBE_MULTI,
		.path = (uintptr_t)path,
		.offsets = (uintptr_t)&file_offset,
		.cookies = (uintptr_t)&cookie,
		.count = 1,
		.pid = (__u32)tgid,
	};
	long fd = syscall(SYS_bpf, BPF_LINK_CREATE, &request, sizeof(request));

	return fd < 0 ? -errno : (int)fd;
}

int links_attach_uprobe(struct links *links, bool multi, const struct bpf_program *program, pid_t tgid, const char *path,
			uint64_t file_offset, uint64_t cookie)
{
	LIBBPF_OPTS(bpf_uprobe_opts, opts, .bpf_cookie = cookie);
	struct attached *attached = &links->attached[links->count];
	int err;

	if (links->count == LINKS_MAX)
		return -E2BIG;
	limits_raise_open_files(FILES_OF_LINK * LINKS_MAX + FILES_BESIDE);
	if (multi)
		err = keep_link_fd(links, link_uprobe(program, tgid, path, file_offset, cookie));
	else
		err = links_keep(links, bpf_program__attach_uprobe_opts(program, tgid, path, file_offset, &opts));
	if (err)
		return err;
	attached->is_uprobe = true;
	attached->cookie = cookie;
	return 0;
}

/* ---- detaching */

static void *detach_one(void *argument)
{
	const struct attached *attached = argument;

	if (attached->link)
		bpf_link__destroy(attached->link);
	else
		close(attached->link_fd);
	return NULL;
}

/*
 * A syscall tracepoint's end waits for grace periods twice. For its program's, all can wait at the same time: hence the threads. For the
 * tracepoint's own the kernel holds one lock for all (event_mutex, in perf_trace_destroy), so there they queue, 40 ms each unless another
 * tracer keeps the same tracepoint. The end of the process would close them one after the other, too: only fewer hooks end sooner.
 */
void links_begin_detach(struct links *links)
{
	for (; links->leaving < links->count; links->leaving++) {
		struct attached *attached = &links->attached[links->leaving];

		attached->leaves = !pthread_create(&attached->leaver, NULL, detach_one, attached);
		if (!attached->leaves)
			detach_one(attached);
	}
}

static void *detach_uprobes(void *argument)
{
	struct departure *departure = argument;

	for (size_t i = 0; i < departure->count; i++)
		detach_one(&departure->uprobes[i]);
	return NULL;
}

/* Takes those with this cookie out of the attached ones. */
static void take_uprobes(struct links *links, uint64_t cookie, struct departure *departure)
{
	size_t kept = 0;

	for (size_t i = 0; i < links->count; i++) {
		const struct attached *attached = &links->attached[i];

		if (attached->is_uprobe && attached->cookie == cookie)
			departure->uprobes[departure->count++] = *attached;
		else
			links->attached[kept++] = *attached;
	}
	links->count = kept;
}

void links_detach_uprobes(struct links *links, uint64_t cookie)
{
	struct departure *departure;

	if (links->leaving)
		return; /* all of them leave already */
	departure = calloc(1, sizeof(*departure) + links->count * sizeof(departure->uprobes[0]));
	if (!departure)
		return;
	take_uprobes(links, cookie, departure);
	if (!departure->count || pthread_create(&departure->leaver, NULL, detach_uprobes, departure)) {
		detach_uprobes(departure);
		free(departure);
		return;
	}
	departure->next = links->departures;
	links->departures = departure;
}

static void await_departures(struct links *links)
{
	struct departure *departure;

	while ((departure = links->departures)) {
		links->departures = departure->next;
		pthread_join(departure->leaver, NULL);
		free(departure);
	}
}

void links_detach(struct links *links)
{
	links_begin_detach(links);
	for (size_t i = 0; i < links->count; i++)
		if (links->attached[i].leaves)
			pthread_join(links->attached[i].leaver, NULL);
	links->count = 0;
	links->leaving = 0;
	await_departures(links);
}
