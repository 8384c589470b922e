# What scripts/run and scripts/test share: packages, users, and the build. Sourced, not run.

set -euo pipefail
source_folder=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export LC_ALL=C.UTF-8
umask 022	# plugins are not loaded from what others could write

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }
quietly() { # LOG COMMAND...: shows the log's end only when the command fails
	local log=$1; shift
	"$@" >"$log" 2>&1 || { tail -n 40 "$log" >&2; die "$* failed; all of its output is in $log"; }
}

build_packages=(autoconf automake build-essential check distro-info-data libcap-ng-dev libcrypt-dev libcurl4-openssl-dev libevent-dev
	libjansson-dev libltdl-dev libmicrohttpd-dev libprotobuf-c-dev libseccomp-dev libsqlite3-dev libssl-dev libsystemd-dev
	libyaml-dev pkg-config protobuf-c-compiler uthash-dev)

# Names each package of the arguments that is not installed.
missing_packages() {
	local p
	for p in "$@"; do
		[ "$(dpkg-query -W -f='${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || printf '%s\n' "$p"
	done
}

node_is_missing() {
	local version
	version=$(node --version 2>/dev/null) || return 0
	version=${version#v}
	[ "${version%%.*}" -lt 18 ] || ! command -v npm >/dev/null
}

# Installs what is missing of the arguments; without root it says the one command and ends.
need_packages() {
	local missing
	mapfile -t missing < <(missing_packages "$@")
	node_is_missing && missing+=(nodejs npm)
	[ ${#missing[@]} -gt 0 ] || return 0
	[ "$(id -u)" = 0 ] || die "packages are missing. As root: apt-get install --no-install-recommends ${missing[*]}"
	say "installing ${#missing[@]} packages: ${missing[*]}"
	export DEBIAN_FRONTEND=noninteractive
	local log
	log=$(mktemp /tmp/beadle-apt.XXXXXX)
	quietly "$log" apt-get update
	# A fresh machine must not start servers that only tests want.
	local policy=/usr/sbin/policy-rc.d made=
	[ -e $policy ] || { printf '#!/bin/sh\nexit 101\n' >$policy; chmod 755 $policy; made=1; }
	local ok=1
	apt-get install -y --no-install-recommends "${missing[@]}" >>"$log" 2>&1 || ok=
	[ -z "$made" ] || rm -f $policy
	[ -n "$ok" ] || { tail -n 20 "$log" >&2; die "apt-get install failed; all of its output is in $log"; }
	rm -f "$log"
}

# As root each of our programs has a user of its own: those of packaging/sysusers/beadle.conf. A number that has a name keeps it.
need_users() {
	local user number
	while read -r user number; do
		id "$user" >/dev/null 2>&1 || getent passwd "$number" >/dev/null ||
			useradd --system -K SYS_UID_MAX=99999 --no-create-home --home-dir / --shell /usr/sbin/nologin ${number:+--uid "$number"} "$user"
	done < <(awk '$1 == "u" { print $2, $3 == "-" ? "" : $3 }' "$source_folder/packaging/sysusers/beadle.conf")
}

# Where the tests build. As root they start programs of other users, who must be able to reach them: not below a closed folder, as
# root's home is.
builds_folder() {
	if [ "$(id -u)" != 0 ] || setpriv --reuid=65534 --regid=65534 --clear-groups test -x "$source_folder"; then
		printf '%s\n' "$source_folder"
		return
	fi
	local folder
	folder=/var/cache/beadle-builds/$(cksum <<<"$source_folder" | cut -d' ' -f1)
	mkdir -p "$folder"
	printf '%s\n' "$folder"
}

flags_of() { sed -E 's/ *--([a-z]*dir|prefix)=[^ ]*//g' <<<"$1"; }	# ARGUMENTS

# FOLDER [configure arguments]: makes the build tree up to date; configures when that is new or its arguments changed.
build_in() {
	local folder=$1; shift
	local arguments="$*"
	mkdir -p "$folder"
	[ -e "$source_folder/configure" ] || { say "preparing configure"; (cd "$source_folder" && quietly "$folder/autoreconf.log" autoreconf -fi); }
	if [ ! -e "$folder/Makefile" ] || [ "$(cat "$folder/arguments" 2>/dev/null)" != "$arguments" ]; then
		say "configuring ${folder#"$source_folder"/}"
		# Make sees a change of folders, but none of compiler and flags.
		[ ! -e "$folder/Makefile" ] || [ "$(flags_of "$(cat "$folder/arguments" 2>/dev/null)")" = "$(flags_of "$arguments")" ] ||
			make -s -C "$folder" clean >/dev/null 2>&1 || true
		(cd "$folder" && quietly "$folder/configure.log" "$source_folder/configure" -q "$@")
		printf '%s' "$arguments" >"$folder/arguments"
	fi
	say "building ${folder#"$source_folder"/}"
	quietly "$folder/make.log" make -s -C "$folder" -j"$(nproc)" all
}
