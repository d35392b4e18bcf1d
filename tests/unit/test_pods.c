/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "cli/pods.h"

#define UID      "0b9e0c5f-1a2b-4c3d-8e9f-0123456789ab"
#define UID_LOW  "0b9e0c5f_1a2b_4c3d_8e9f_0123456789ab"
#define STATIC   "b1946ac92492d2347c6235b4d2611184"
#define ID       "3e1f0d2c4b5a69788796a5b4c3d2e1f00112233445566778899aabbccddeeff0"
#define OTHER_ID "4e1f0d2c4b5a69788796a5b4c3d2e1f00112233445566778899aabbccddeeff0"

/* As they stand in /proc/PID/cgroup. */
static const struct cgroup_row {
	const char *text, *uid, *container; /* uid NULL: in no pod */
} cgroup_rows[] = {
	/* Version 2: containerd, CRI-O and dockerd by systemd's driver; containerd by its own. */
	{"0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID_LOW ".slice/cri-containerd-" ID ".scope\n", UID, ID},
	{"0::/kubepods.slice/kubepods-pod" UID_LOW ".slice/crio-" ID ".scope\n", UID, ID},
	{"0::/kubepods.slice/kubepods-pod" UID_LOW ".slice/crio-" ID ".scope/container\n", UID, ID},
	{"0::/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" UID_LOW ".slice/docker-" ID ".scope\n", UID, ID},
	{"0::/kubepods/burstable/pod" UID "/" ID "\n", UID, ID},
	{"0::/kubepods/pod" STATIC "/" ID "\n", STATIC, ID},
	{"0::/system.slice/containerd.service/kubepods-burstable-pod" UID_LOW ".slice:cri-containerd:" ID "\n", UID, ID},
	/* Seen from within another container. */
	{"0::/../../kubepods-besteffort-pod" UID_LOW ".slice/cri-containerd-" ID ".scope\n", UID, ID},
	{"0::/../../../besteffort/pod" UID "/" ID "\n", UID, ID},
	/* Version 1, and a node that is a container itself. */
	{"12:memory:/kubepods/burstable/pod" UID "/" ID "\n11:cpu:/kubepods/burstable/pod" UID "/" ID "\n1:name=systemd:/x\n", UID, ID},
	{"5:cpu:/docker/" OTHER_ID "/kubelet/kubepods/pod" UID "/" ID "\n", UID, ID},
	{"0::/kubepods.slice/kubepods-pod" UID_LOW ".slice\n", UID, ""},
	/* No pods. */
	{"0::/system.slice/nginx.service\n", NULL, NULL},
	{"0::/system.slice/docker-" ID ".scope\n", NULL, NULL},
	{"0::/user.slice/podman-" ID ".scope\n", NULL, NULL},
	{"0::/machine.slice/libpod-" ID ".scope\n", NULL, NULL},
	{"0::/kubepods/pod" UID "00/x\n", NULL, NULL},
	{"0::/\n", NULL, NULL},
	{"", NULL, NULL},
};

static void a_path_tells_pod_and_container(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cgroup_rows) / sizeof(cgroup_rows[0]); i++) {
		const struct cgroup_row *row = &cgroup_rows[i];
		struct pod_id id;

		if (pod_parse_cgroup(row->text, &id) != !!row->uid)
			fail_msg("'%s' is %s pod", row->text, row->uid ? "in no" : "in a");
		if (row->uid && (strcmp(id.uid, row->uid) || strcmp(id.container, row->container)))
			fail_msg("'%s': pod '%s', container '%s'", row->text, id.uid, id.container);
	}
}

static char root[] = "/tmp/iocpu-pods.XXXXXX";

static void make(const char *format, ...)
{
	char path[512], command[600];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(path, sizeof(path), format, arguments);
	va_end(arguments);
	snprintf(command, sizeof(command), "mkdir -p '%s/%s'", root, path);
	assert_int_equal(system(command), 0);
}

static int make_root(void **state)
{
	(void)state;
	strcpy(root + strlen(root) - 6, "XXXXXX");
	return !mkdtemp(root);
}

static int remove_root(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -r '%s'", root);
	return system(command);
}

static const struct pod_id id = {UID, ID};
static struct pod_label label;

static void without_files_ids_are_the_names(void **state)
{
	(void)state;
	assert_false(pod_find_names(root, &id, &label));
	assert_string_equal(label.pod_namespace, "");
	assert_string_equal(label.pod, UID);
	assert_string_equal(label.container, "3e1f0d2c4b5a");
}

static void the_kubelets_folders_tell_the_names(void **state)
{
	(void)state;
	make("pods/kube-system_web-7d4b9c_1%s", UID + 1);
	make("pods/shop_cart-0_" UID "/app");
	assert_true(pod_find_names(root, &id, &label));
	assert_string_equal(label.pod_namespace, "shop");
	assert_string_equal(label.pod, "cart-0");
	assert_string_equal(label.container, "app");
}

static void of_several_containers_the_link_tells_which(void **state)
{
	(void)state;
	make("pods/shop_cart-0_" UID "/app");
	make("pods/shop_cart-0_" UID "/istio-proxy");
	assert_false(pod_find_names(root, &id, &label));
	assert_string_equal(label.pod, "cart-0");
	assert_string_equal(label.container, "3e1f0d2c4b5a");
	make("containers/cart-0_shop_app-" OTHER_ID ".log");
	make("containers/cart-0_shop_istio-proxy-" ID ".log");
	assert_true(pod_find_names(root, &id, &label));
	assert_string_equal(label.container, "istio-proxy");
}

static void a_process_outside_has_no_pod(void **state)
{
	struct pods *pods = pods_open("/proc", root);

	(void)state;
	pods_learn(pods, (uint32_t)getpid());
	assert_null(pods_label(pods, (uint32_t)getpid()));
	for (int i = 0; i < 200; i++)
		pods_tick(pods);
	pods_close(pods);
}

/* As /proc has it; NULL: the process has ended. */
static void place(uint32_t tgid, const char *cgroup)
{
	char path[256];
	FILE *file;

	make("%u", tgid);
	snprintf(path, sizeof(path), "%s/%u/cgroup", root, tgid);
	if (!cgroup) {
		assert_int_equal(unlink(path), 0);
		return;
	}
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(cgroup, file);
	fclose(file);
}

#define CGROUP_OF_POD   "0::/kubepods/pod" UID "/" ID "\n"
#define CGROUP_OF_OTHER "0::/kubepods/pod" STATIC "/" OTHER_ID "\n"

static void assert_pod(const struct pods *pods, uint32_t tgid, const char *uid)
{
	const struct pod_label *found = pods_label(pods, tgid);

	if (uid && found)
		assert_string_equal(found->pod, uid);
	else
		assert_int_equal(!!found, !!uid);
}

static void a_process_is_where_it_was_seen_last(void **state)
{
	struct pods *pods = pods_open(root, root);

	(void)state;
	place(10, CGROUP_OF_POD);
	pods_learn(pods, 10);
	assert_pod(pods, 10, UID);
	/* It has run another program and ended before anybody looked: its last requests are still to be told. */
	place(10, NULL);
	pods_learn(pods, 10);
	assert_pod(pods, 10, UID);
	place(10, CGROUP_OF_OTHER);
	pods_learn(pods, 10);
	assert_pod(pods, 10, STATIC);
	place(10, "0::/system.slice/nginx.service\n");
	pods_learn(pods, 10);
	assert_pod(pods, 10, NULL);
	pods_close(pods);
}

static void a_child_begins_where_its_parent_is(void **state)
{
	struct pods *pods = pods_open(root, root);

	(void)state;
	place(10, CGROUP_OF_POD);
	pods_learn(pods, 10);
	pods_fork(pods, 11, 10);
	pods_learn(pods, 11); /* it has ended already */
	assert_pod(pods, 11, UID);
	/* The same id again, of somebody outside: what the one before was says nothing of it. */
	pods_fork(pods, 11, 1);
	pods_learn(pods, 11);
	assert_pod(pods, 11, NULL);
	/* A runtime's child is moved to its pod before it becomes the program. */
	pods_fork(pods, 12, 1);
	place(12, CGROUP_OF_OTHER);
	pods_learn(pods, 12);
	assert_pod(pods, 12, STATIC);
	pods_close(pods);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_path_tells_pod_and_container),
		cmocka_unit_test_setup_teardown(without_files_ids_are_the_names, make_root, remove_root),
		cmocka_unit_test_setup_teardown(the_kubelets_folders_tell_the_names, make_root, remove_root),
		cmocka_unit_test_setup_teardown(of_several_containers_the_link_tells_which, make_root, remove_root),
		cmocka_unit_test_setup_teardown(a_process_outside_has_no_pod, make_root, remove_root),
		cmocka_unit_test_setup_teardown(a_process_is_where_it_was_seen_last, make_root, remove_root),
		cmocka_unit_test_setup_teardown(a_child_begins_where_its_parent_is, make_root, remove_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
