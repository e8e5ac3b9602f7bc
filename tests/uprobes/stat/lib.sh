# SPDX-License-Identifier: GPL-2.0
#
# lib.sh - TAP for shell tests of the command line.  Sourced, not run.
#
# After it: $tool, $targets, $tmp (removed at exit), and the functions below.
# shellcheck shell=sh disable=SC2034
set -u
LC_ALL=C
export LC_ALL

O=${O:-build}
case $O in
/*) ;;
*) O=$PWD/$O ;;
esac
tool=$O/perf-uprobe
targets=$O/tests/targets
# for tests that need one and leave the others to others
last_cpu=$(($(nproc) - 1))
tmp=$(mktemp -d)
tap_run=0
tap_failed=0
to_kill=
trap 'for p in $to_kill; do kill -KILL "$p" 2>/dev/null; done; rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM

# ok STATUS NAME - an assertion
ok() {
	tap_run=$((tap_run + 1))
	if [ "$1" = 0 ]; then
		echo "ok $tap_run - $2"
	else
		tap_failed=$((tap_failed + 1))
		echo "not ok $tap_run - $2"
	fi
}

# is GOT WANT NAME
is() {
	[ "$1" = "$2" ]
	ok $? "$3"
	[ "$1" = "$2" ] || printf '%s\n%s\n' "got:  $1" "want: $2" | sed 's/^/# /'
}

# contains TEXT PATTERN NAME - an extended regular expression in some line
contains() {
	printf '%s\n' "$1" | grep -qE -e "$2"
	set -- $? "$@"
	ok "$1" "$4"
	[ "$1" = 0 ] || printf '%s\n' "$2" "does not contain: $3" | head -n 40 | sed 's/^/# /'
}

# same FILE FILE NAME - equal contents
same() {
	cmp -s "$1" "$2"
	set -- $? "$@"
	ok "$1" "$4"
	[ "$1" = 0 ] || diff "$2" "$3" | head -n 20 | sed 's/^/# /'
}

# skip NAME REASON
skip() {
	tap_run=$((tap_run + 1))
	echo "ok $tap_run - $1 # SKIP $2"
}

diag() {
	printf '%s\n' "$@" | sed 's/^/# /'
}

done_testing() {
	echo "1..$tap_run"
	[ "$tap_failed" = 0 ]
	exit
}

# limited SECONDS COMMAND - nothing may hang
limited() {
	timeout -k 5 "$@"
}

# stat ARGS - perf-uprobe stat --json; results in $tmp/json, the command's output in $tmp/out,
# messages in $tmp/err, status in $status
stat() {
	rm -f "$tmp/json"
	status=0
	limited "${LIMIT:-120}" "$tool" stat --json -o "$tmp/json" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null || status=$?
}

# field EVENT NAME - a number of the event's JSON object
field() {
	sed -n 's/^{.*"event":"[^":]*:'"$1"'",.*"'"$2"'":\([0-9]*\).*/\1/p' "$tmp/json"
}

# hits EVENT - its count
hits() {
	field "$1" count
}

# said NAME - the number a target has printed beside a name
said() {
	sed -n "s/^$1 //p" "$tmp/out"
}

# as_said EVENT NAME - the count is what the program says itself, and nothing was missed
as_said() {
	is "$(hits "$1") missed $(field "$1" missed)" "$(said "$1") missed 0" "$2"
}

# wait_for SECONDS COMMAND - until it succeeds; looks ten times a second
wait_for() {
	wait_left=$(($1 * 10))
	shift
	while ! "$@" 2>/dev/null; do
		wait_left=$((wait_left - 1))
		[ $wait_left -gt 0 ] || return 1
		sleep 0.1
	done
}

is_root() {
	[ "$(id -u)" = 0 ]
}

# no_32 - why 32-bit programs cannot be run here; nothing if they can
no_32() {
	"$O/tests/host/no-32"
}

# mainline - can uprobes of the kernel be used through perf?
mainline() {
	is_root && command -v perf >/dev/null 2>&1 || return 1
	[ -w /sys/kernel/tracing/uprobe_events ] || mount -t tracefs nodev /sys/kernel/tracing 2>/dev/null
	[ -w /sys/kernel/tracing/uprobe_events ]
}

for needed in "$tool" "$targets/loop"; do
	[ -x "$needed" ] || {
		echo "Bail out! $needed is not built"
		exit 1
	}
done
