#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0
#
# own-code.pl - every instruction of a program's functions.
#
# own-code.pl FILE [FUNCTION...]	without functions: of all that have a symbol with a size
#
# Prints "ADDRESS OFFSET" (hexadecimal; of the file), one line an instruction, as objdump
# decodes them.  Left out: hlt, which nothing may execute but to fail, and what lies between the
# labels no_probe_begin_N and no_probe_end_N.
use strict;
use warnings;

my ($file, @wanted) = @ARGV;
my %wanted = map { $_ => 1 } @wanted;
my (@load, @range, %begin, %end);

open(my $headers, '-|', 'readelf', '-lW', $file) or die "readelf: $!";
while (<$headers>) {
	push @load, [hex $1, hex $2, hex $3] if /^ +LOAD +0x(\S+) 0x(\S+) 0x\S+ 0x(\S+)/;
}
open(my $symbols, '-|', 'readelf', '-sW', $file) or die "readelf: $!";
while (<$symbols>) {
	my (undef, $value, $size, $type, undef, undef, $section, $name) = split;
	next unless defined $name && $section =~ /^\d+$/;
	$begin{$1} = hex $value if $name =~ /^no_probe_begin_(\d+)$/;
	$end{$1} = hex $value if $name =~ /^no_probe_end_(\d+)$/;
	next unless $type eq 'FUNC' && $size =~ /^\d+$/ && $size > 0;
	push @range, [hex $value, hex($value) + $size] if !@wanted || $wanted{$name};
}
@range = sort { $a->[0] <=> $b->[0] } @range;

sub within {
	my ($addr) = @_;
	for my $n (keys %begin) {
		return 0 if $addr >= $begin{$n} && $addr < $end{$n};
	}
	my ($lo, $hi) = (0, scalar @range);
	while ($lo < $hi) {
		my $mid = int(($lo + $hi) / 2);
		if ($range[$mid][0] <= $addr) { $lo = $mid + 1 } else { $hi = $mid }
	}
	# one may lie within another
	while ($lo-- > 0) {
		return 1 if $addr < $range[$lo][1];
		last if $addr - $range[$lo][0] > 65536;
	}
	return 0;
}

sub offset {
	my ($addr) = @_;
	for (@load) {
		return $addr - $_->[1] + $_->[0] if $addr >= $_->[1] && $addr < $_->[1] + $_->[2];
	}
	return 0;
}

my %seen;
open(my $code, '-|', 'objdump', '-d', '--no-show-raw-insn', $file) or die "objdump: $!";
while (<$code>) {
	next unless /^ *([0-9a-f]+):\t(\S+)/;
	my $addr = hex $1;
	next if $2 eq 'hlt' || $2 eq '(bad)' || $seen{$addr}++ || !within($addr);
	printf "%x %x\n", $addr, offset($addr);
}
