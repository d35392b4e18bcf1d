/* SPDX-License-Identifier: BSD-2-Clause */
/* What a cgroup's path and the kubelet's files say of a pod. */
#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "cli/pods.h"

/* "4f0c…-…" with 32 digits and 4 dashes, which systemd's driver writes as underscores; of static pods just 32 digits. */
#define UID_DASHED 36
#define UID_PLAIN  32
#define ID_DIGITS  64
/* As container runtimes shorten ids for people. */
#define ID_SHORT 12

static size_t count_hex(const char *text, const char *besides)
{
	size_t count = 0;

	while (isxdigit((unsigned char)text[count]) || (text[count] && strchr(besides, text[count])))
		count++;
	return count;
}

/* The uid that stands behind a "pod" here, if one does: its length. */
static size_t uid_length(const char *text)
{
	if (count_hex(text, "_-") == UID_DASHED && count_hex(text, "") == 8)
		return UID_DASHED;
	return count_hex(text, "_-") == UID_PLAIN && count_hex(text, "") == UID_PLAIN ? UID_PLAIN : 0;
}

/* "/kubepods/burstable/podUID/ID", "…-podUID.slice/cri-containerd-ID.scope", "…podUID.slice:cri-containerd:ID": the innermost pod counts.
 */
bool pod_parse_cgroup(const char *text, struct pod_id *id)
{
	const char *found = NULL;
	size_t length = 0;

	*id = (struct pod_id){0};
	for (const char *at = text; (at = strstr(at, "pod")); at++) {
		if (at == text || (at[-1] != '/' && at[-1] != '-') || !uid_length(at + 3))
			continue;
		found = at + 3;
		length = uid_length(found);
		if (memchr(found, '\n', strlen(found)))
			break; /* the hierarchies of version 1 all say the same */
	}
	if (!found)
		return false;
	for (size_t i = 0; i < length; i++)
		id->uid[i] = found[i] == '_' ? '-' : found[i];
	for (const char *at = found + length; *at && *at != '\n'; at += count_hex(at, "") ? count_hex(at, "") : 1)
		if (count_hex(at, "") == ID_DIGITS)
			memcpy(id->container, at, ID_DIGITS);
	return true;
}

/* Puts what stands up to `end` into text[size], cut. */
static void copy_until(char *text, size_t size, const char *from, const char *end)
{
	snprintf(text, size, "%.*s", (int)(end - from), from);
}

/* The folder "NAMESPACE_POD_UID", which the kubelet makes before the pod's first container. */
static bool find_folder(const char *log_root, const char *uid, char *name, size_t size)
{
	char path[PATH_MAX];
	struct dirent *entry;
	bool found = false;
	DIR *open;

	snprintf(path, sizeof(path), "%s/pods", log_root);
	open = opendir(path);
	while (open && !found && (entry = readdir(open))) {
		const char *behind = strrchr(entry->d_name, '_');

		found = behind && !strcmp(behind + 1, uid);
		if (found)
			snprintf(name, size, "%s", entry->d_name);
	}
	if (open)
		closedir(open);
	return found;
}

/* The one container that has a folder of logs in the pod's; of several none can be told from another here. */
static bool find_only_container(const char *log_root, const char *folder, char *name, size_t size)
{
	char path[PATH_MAX];
	struct dirent *entry;
	size_t count = 0;
	DIR *open;

	snprintf(path, sizeof(path), "%s/pods/%s", log_root, folder);
	open = opendir(path);
	while (open && (entry = readdir(open)))
		if (entry->d_name[0] != '.' && !count++)
			snprintf(name, size, "%.63s", entry->d_name);
	if (open)
		closedir(open);
	return count == 1;
}

/* The link "POD_NAMESPACE_CONTAINER-ID.log"; it is made once the container runs. */
static bool find_link(const char *log_root, const char *id, char *name, size_t size)
{
	char path[PATH_MAX], end[ID_DIGITS + 8];
	struct dirent *entry;
	bool found = false;
	DIR *open;

	snprintf(path, sizeof(path), "%s/containers", log_root);
	snprintf(end, sizeof(end), "-%.64s.log", id);
	open = opendir(path);
	while (open && !found && (entry = readdir(open))) {
		const char *container = strrchr(entry->d_name, '_');
		const char *behind = container ? strstr(container, end) : NULL;

		found = behind && !behind[strlen(end)];
		if (found)
			copy_until(name, size, container + 1, behind);
	}
	if (open)
		closedir(open);
	return found;
}

bool pod_find_names(const char *log_root, const struct pod_id *id, struct pod_label *label)
{
	char folder[NAME_MAX + 1];
	bool has_folder = find_folder(log_root, id->uid, folder, sizeof(folder));

	*label = (struct pod_label){0};
	snprintf(label->pod, sizeof(label->pod), "%s", id->uid);
	if (has_folder) {
		const char *pod = strchr(folder, '_') + 1;

		copy_until(label->pod_namespace, sizeof(label->pod_namespace), folder, pod - 1);
		copy_until(label->pod, sizeof(label->pod), pod, strrchr(folder, '_'));
	}
	if (*id->container && find_link(log_root, id->container, label->container, sizeof(label->container)))
		return has_folder;
	if (has_folder && find_only_container(log_root, folder, label->container, sizeof(label->container)))
		return true;
	snprintf(label->container, sizeof(label->container), "%.*s", ID_SHORT, id->container);
	return false;
}
