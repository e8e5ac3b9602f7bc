# SPDX-License-Identifier: GPL-2.0
#
# lib.sh - the same command to perf and to perf-uprobe, and what they answer.  Sourced, not run.
#
# After it: the programs of the cases are in $tmp/t, the current directory; $here is that of the tests.  Where
# there is no perf to compare with, the test has been skipped.
# shellcheck shell=sh
. tests/uprobes/stat/lib.sh

command -v perf >/dev/null && perf version | grep -q 'version 6\.1\.' || {
	echo "1..0 # SKIP no perf 6.1"
	exit 0
}
# what perf answers depends on what it can read of the kernel's
mainline || {
	echo "1..0 # SKIP needs root and tracefs"
	exit 0
}
here=$PWD/tests/uprobes/probe
programs=$O/tests/probe

# where all programs are, by the names that the cases have
mkdir "$tmp/t"
for p in featdemo featdemo0 featdemo3 featdemo4 featdemo_nodbg featdemo_strip cppdemo dotsbin sdtdemo sdtdemo0 sdtodd; do
	cp "$programs/$p" "$tmp/t/" || exit 1
done
for copy in featdemo-1.2.so 9featdemo .hidden a.b-c_d+e.so.1.2 1st libfoo-2.1.so \
	verylongnamexxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; do
	cp "$programs/featdemo" "$tmp/t/$copy"
done
cp "$here"/targets/* "$tmp/t/"
cd "$tmp/t" || exit 1

# answer WHO CASE FILE - run "perf probe CASE" or ours; FILE.out, FILE.err and FILE.status are what it says
answer() {
	case $1 in
	perf) answer_by="perf probe" ;;
	*) answer_by="$tool probe" ;;
	esac
	eval "HOME=$tmp/home limited 60 $answer_by $2" >"$3.out" 2>"$3.words" </dev/null
	echo $? >"$3.status"
	# each says its own name
	sed 's/perf-uprobe probe/perf probe/g' "$3.words" >"$3.err"
}

# alike CASE PERFS OURS DIFFERS - an assertion: the same answers, or a reason in the file DIFFERS why not; a case
# there that is answered alike after all is a failure, too, so that the file stays true
alike() {
	alike_is=0
	for part in out err status; do
		cmp -s "$2.$part" "$3.$part" || alike_is=1
	done
	alike_reason=$(alike_case=$1 awk -F '\t' '$1 == ENVIRON["alike_case"] {print $2; exit}' "$4")
	if [ -n "$alike_reason" ]; then
		[ $alike_is != 0 ]
		ok $? "$1: differs: $alike_reason"
		return
	fi
	ok $alike_is "$1"
	[ $alike_is = 0 ] && return
	for part in out err status; do
		diff "$2.$part" "$3.$part" | head -n 8 | sed 's/^/# /'
	done
}

# few_differ CASES DIFFERS - an assertion: no more than 8 % of the cases in a file have a reason to differ
few_differ() {
	cases=$(grep -c . "$1")
	differ=$(grep -c . "$2")
	[ $((100 * differ)) -le $((8 * cases)) ]
	ok $? "$differ of $cases are answered in another way: no more than 8 %"
}
