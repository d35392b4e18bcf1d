/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe/features.h"

#include <bpf/btf.h>
#include <errno.h>
#include <string.h>
#include <time.h>

static bool has_enumerator(const struct btf *btf, const char *of, const char *name)
{
	int id = btf__find_by_name_kind(btf, of, BTF_KIND_ENUM);
	const struct btf_type *type = id > 0 ? btf__type_by_id(btf, (__u32)id) : NULL;

	if (!type)
		return false;
	for (int i = 0; i < btf_vlen(type); i++) {
		const char *value = btf__name_by_offset(btf, btf_enum(type)[i].name_off);

		if (value && !strcmp(value, name))
			return true;
	}
	return false;
}

/* The helpers that programs may call are an enum of the kernel's, and so in its BTF. */
static bool has_helper(const struct btf *btf, const char *name)
{
	return has_enumerator(btf, "bpf_func_id", name);
}

/* The coarse clock moves by one jiffy. */
static uint64_t find_jiffy_ns(void)
{
	struct timespec tick;

	if (clock_getres(CLOCK_MONOTONIC_COARSE, &tick) || tick.tv_sec)
		return 10000000;
	return (uint64_t)tick.tv_nsec;
}

int features_find(struct features *features)
{
	struct btf *btf = btf__load_vmlinux_btf();

	*features = (struct features){.jiffy_ns = find_jiffy_ns()};
	if (!btf)
		return errno == ESRCH ? -ENOENT : -errno;
	features->task_storage = has_helper(btf, "BPF_FUNC_task_storage_get") && has_helper(btf, "BPF_FUNC_task_pt_regs");
	features->rdonly_cast = btf__find_by_name_kind(btf, "bpf_rdonly_cast", BTF_KIND_FUNC) > 0;
	/* There since 6.6, but until 6.10 (46ba0e49b642) only a process's first thread was told of, and until 6.12 they left one by one. */
	features->uprobe_multi = has_enumerator(btf, "bpf_attach_type", "BPF_TRACE_UPROBE_SESSION");
	features->sk_data_ready = btf__find_by_name_kind(btf, "btf_trace_sk_data_ready", BTF_KIND_TYPEDEF) > 0;
	features->preemptible = btf__find_by_name_kind(btf, "trace_call_bpf_faultable", BTF_KIND_FUNC) > 0 &&
				btf__find_by_name_kind(btf, "bpf_preempt_disable", BTF_KIND_FUNC) > 0;
	btf__free(btf);
	return 0;
}
