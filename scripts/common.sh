# What scripts/run and scripts/test share: packages, users, and the build. Sourced, not run.

set -euo pipefail
source_folder=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export LC_ALL=C.UTF-8
umask 022	# plugins are not loaded from what others could write

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }
show_progress() { # LOG: on one line of the terminal, how long it has taken and what was last said; until it is killed or we are gone
	local begun=$SECONDS width
	width=$(tput cols 2>/dev/null || echo 80)
	while kill -0 $$ 2>/dev/null && sleep 1; do
		printf '\r\033[K    %4d s  %.*s' $((SECONDS - begun)) $((width - 12)) "$(tail -n 1 "$1" | tr -d '[:cntrl:]')" >&2
	done
}
quietly() { # LOG COMMAND...: shows the log's end only when the command fails
	local log=$1 progress='' ok=1; shift
	: >"$log"
	if [ -t 2 ]; then show_progress "$log" & progress=$!; fi
	"$@" >>"$log" 2>&1 || ok=
	if [ -n "$progress" ]; then
		kill "$progress" 2>/dev/null || true
		wait "$progress" 2>/dev/null || true
		printf '\r\033[K' >&2
	fi
	[ -n "$ok" ] || { tail -n 40 "$log" >&2; die "$* failed; all of its output is in $log"; }
}

build_packages=(autoconf automake build-essential check distro-info-data libcap-ng-dev libcrypt-dev libcurl4-openssl-dev libevent-dev
	libjansson-dev libltdl-dev libmicrohttpd-dev libprotobuf-c-dev libqrencode-dev libseccomp-dev libsqlite3-dev libssl-dev libsystemd-dev
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

# A fresh machine must not start servers that only tests want.
install_packages() {
	local policy=/usr/sbin/policy-rc.d made='' ok=1
	[ -e $policy ] || { printf '#!/bin/sh\nexit 101\n' >$policy; chmod 755 $policy; made=1; }
	DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" || ok=
	[ -z "$made" ] || rm -f $policy
	[ -n "$ok" ]
}

# Installs what is missing of the arguments; without root it says the one command and ends.
need_packages() {
	local missing
	mapfile -t missing < <(missing_packages "$@")
	node_is_missing && missing+=(nodejs npm)
	[ ${#missing[@]} -gt 0 ] || return 0
	[ "$(id -u)" = 0 ] || die "packages are missing. As root: apt-get install --no-install-recommends ${missing[*]}"
	say "installing ${#missing[@]} packages: ${missing[*]}"
	local log
	log=$(mktemp /tmp/beadle-apt.XXXXXX)
	quietly "$log" apt-get update
	quietly "$log" install_packages "${missing[@]}"
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
		(cd "$folder" && quietly "$folder/configure.log" "$source_folder/configure" "$@")
		printf '%s' "$arguments" >"$folder/arguments"
	fi
	say "building ${folder#"$source_folder"/}"
	quietly "$folder/make.log" make --no-print-directory -C "$folder" -j"$(nproc)" all
}
