/* SPDX-License-Identifier: GPL-2.0 */
/*
 * target-names.S - mangled names without their compilers: Rust's older
 * mangling, operators, lambdas, clones, and names that only look mangled.
 */
	.macro fn name
	.globl	"\name"
	.type	"\name", @function
"\name":
	nop
	ret
	.size	"\name", . - "\name"
	.endm

	.text
	fn _ZN6shapes5twice17h0123456789abcdefE
	fn _ZN47_$LT$shapes..Square$u20$as$u20$shapes..Area$GT$4area17hfedcba9876543210E
	fn _Znwm
	fn _ZNSsC1ERKSs
	fn _ZNSt6vectorIiSaIiEE9push_backEOi
	fn _ZN2ns1CplEi
	fn _ZN2ns1CcvbEv
	fn _ZZ4mainENKUliE_clEi
	fn _ZN2ns5cloneEi.constprop.0
	fn _ZN2ns3absB5cxx11Ev
	fn _Zunmangled
	fn _Random_number
	fn .dotted.name
	fn 9digit
	fn "with space"

	.section .note.GNU-stack, "", @progbits
