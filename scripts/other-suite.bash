# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# To be sourced: packages of other Debian suites, known to an apt with a state of its own, without the machine ever hearing of them.
#
#   other_suite_open FOLDER REFRESH SUITE...   the apt's state lies in FOLDER; REFRESH: not empty: ask the mirror although the state is new
#   other_suite COMMAND...                     runs an apt command under it; exported to nothing else: an `apt-get install` under this
#                                              configuration would plan from an empty package list
# Both return a status, and say on standard error what is missing.

other_suite() {
	APT_CONFIG=$other_suite_folder/apt.conf "$@"
}

# The machine's own mirror, from its own sources.
other_suite_mirror() {
	local codename
	codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
	# The format is apt's to expand, not the shell's.
	# shellcheck disable=SC2016
	apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
		awk -v codename="$codename" '$2 == codename && $3 == "main" { print $1; exit }'
}

other_suite_open() {
	local refresh=$2 keyring=/usr/share/keyrings/debian-archive-keyring.gpg uri suite
	other_suite_folder=$1
	shift 2
	[ -r "$keyring" ] || { echo "no $keyring (package debian-archive-keyring)" >&2 && return 1; }
	uri=$(other_suite_mirror)
	[ -n "$uri" ] || { echo 'this machine has no Debian mirror among its apt sources' >&2 && return 1; }
	mkdir -p "$other_suite_folder/lists/partial" "$other_suite_folder/archives/partial" "$other_suite_folder/empty"
	for suite; do
		echo "deb [arch=amd64 signed-by=$keyring] $uri $suite main"
	done | sort -u >"$other_suite_folder/sources.list"
	cat >"$other_suite_folder/apt.conf" <<-CONF
		Dir::State "$other_suite_folder";
		Dir::State::lists "$other_suite_folder/lists";
		Dir::State::status "/dev/null";
		Dir::Cache "$other_suite_folder";
		Dir::Etc::sourcelist "$other_suite_folder/sources.list";
		Dir::Etc::sourceparts "$other_suite_folder/empty";
		Dir::Etc::preferencesparts "$other_suite_folder/empty";
		APT::Architecture "amd64";
		APT::Sandbox::User "$(id -un)";
		Acquire::Languages "none";
	CONF
	if [ -n "$refresh" ] || [ -z "$(find "$other_suite_folder/lists" -name '*_Packages*' -mtime -1 2>/dev/null)" ]; then
		other_suite apt-get -qq update >&2
	fi
}
