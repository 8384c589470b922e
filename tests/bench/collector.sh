#!/bin/sh
# The collector's figures: collector.sh BUILD-FOLDER [SECONDS]. Load generator and collector share the machine; figures a, b, c are
# the issue's. The store is kept on TMPDIR's disk (default /var/tmp), which has to be a real one.
set -eu
build=$(cd "$1" && pwd)
seconds=${2:-60}
folder=$(mktemp -d "${TMPDIR:-/var/tmp}/beadle-bench.XXXXXX")
collector=
trap '[ -z "$collector" ] || kill "$collector" 2>/dev/null || :; wait 2>/dev/null; rm -rf "$folder"' EXIT INT TERM

"$build/tests/bench/load" --school "$folder"
export BEADLE_LIBEXEC="$build"
source=$(cd "$(dirname "$0")/../.." && pwd)
printf 'school: bench\nstate: %s\nprocedure: %s/conf.d/procedure/TWVS-ISMS-B-007.yaml\n' "$folder" "$source" > "$folder/collector.yaml"

start() {
	rm -rf "$folder/store"
	: > "$folder/log"	# here and not by the program's redirection, or the port of the one before may be read
	"$build/collector/beadle-collect" --config "$folder/collector.yaml" --listen 127.0.0.1:0 2>> "$folder/log" &
	collector=$!
	for _ in $(seq 100); do
		port=$(sed -n 's/.*listening for agents on 127.0.0.1:\([0-9]*\)$/\1/p' "$folder/log")
		[ -z "$port" ] || return 0
		sleep 0.1
	done
	cat "$folder/log" >&2
	exit 1
}

stop() {
	kill "$collector"
	wait "$collector" || { echo "the collector ended badly:" >&2; tail -5 "$folder/log" >&2; exit 1; }
	collector=
}

load() {
	start
	"$build/tests/bench/load" --school "$folder" --to "127.0.0.1:$port" --pid "$collector" --ledger "$folder/ledger" "$@"
	stop
}

printf 'a  '
load --seconds "$seconds"
printf '   in the store: '
"$build/tests/bench/ledger" "$folder/store" "$folder/ledger" 10
printf 'b  '
load --seconds "$((seconds / 3))" --results 1 --values 1 --window 1
printf '   in the store: '
"$build/tests/bench/ledger" "$folder/store" "$folder/ledger" 1
printf 'c  '
load --seconds "$((seconds / 6))" --agents 1000 --idle
printf '   with 200 series each: '
load --seconds "$((seconds / 6))" --agents 1000 --idle --series
