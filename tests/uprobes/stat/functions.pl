#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0
#
# functions.pl - which functions of a file have been executed, and all their instructions.
#
# functions.pl FILE COUNTS [EXCLUDE]
#
# COUNTS is the oracle's output over all instructions of FILE ("PATH OFFSET COUNT").
# Prints "ADDRESS COUNT" for every instruction of each function (as .eh_frame bounds
# them) of which some instruction was executed.  EXCLUDE lists addresses: functions that contain
# one of them are left out.  File offsets of code and addresses must be equal in FILE.
use strict;
use warnings;

my ($file, $counts, $exclude) = @ARGV;
my (@start, @end, %hit, %not, @row);

open(my $fde, '-|', 'readelf', '--debug-dump=frames', $file) or die "readelf: $!";
my %range;
while (<$fde>) {
	$range{hex $1} = hex $2 if / FDE .*pc=([0-9a-f]+)\.\.([0-9a-f]+)/;
}
@start = sort { $a <=> $b } keys %range;
@end = map { $range{$_} } @start;

sub function {
	my ($addr) = @_;
	my ($lo, $hi) = (0, scalar @start);
	while ($lo < $hi) {
		my $mid = int(($lo + $hi) / 2);
		if ($start[$mid] <= $addr) { $lo = $mid + 1 } else { $hi = $mid }
	}
	return $lo && $addr < $end[$lo - 1] ? $lo - 1 : -1;
}

if ($exclude) {
	open(my $in, '<', $exclude) or die "$exclude: $!";
	while (<$in>) {
		$not{function(hex $1)} = 1 if /^([0-9a-f]+)/;
	}
}
open(my $in, '<', $counts) or die "$counts: $!";
while (<$in>) {
	my (undef, $addr, $count) = split;
	my $f = function(hex $addr);
	next if $f < 0 || $not{$f};
	push @row, [$f, $addr, $count];
	$hit{$f} = 1 if $count;
}
for (@row) {
	print "$_->[1] $_->[2]\n" if $hit{$_->[0]};
}
