/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The processes of a cgroup.
 * Called by target.c.
 * Never: leaves the cgroup file system, whatever the path says.
 */
#ifndef IOCPU_CLI_CGROUP_H
#define IOCPU_CLI_CGROUP_H

struct pid_list;

/*
 * Adds the processes of the cgroup and of all below it. path: absolute, as /proc/PID/cgroup has it ("/system.slice/…"), or relative to
 * /sys/fs/cgroup. 0 or −errno: −ENOENT: no such cgroup; −EINVAL: not a cgroup at all.
 */
int cgroup_pids(const char *path, struct pid_list *list);

/*
 * The same of a systemd unit's cgroup, wherever in the tree it lies; a name without a suffix is a service's. Of several, as containers may
 * have a systemd of their own, the one nearest to the root. 0 or −errno: −ENOENT: the unit does not run, or there is no such.
 */
int cgroup_unit_pids(const char *unit, struct pid_list *list);

#endif
