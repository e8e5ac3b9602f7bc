# SPDX-License-Identifier: GPL-2.0
#
# newer.s - instructions that Zydis 4.0 does not know, as far as binutils 2.40 does: test-objdump.
	aadd %rax,(%rcx)
	aand %eax,(%rcx)
	aor %eax,(%rcx)
	axor %rax,8(%rcx)
	cmpbexadd %eax,%ecx,(%rdx)
	cmpoxadd %rax,%rcx,8(%rdx,%rbx)
	vpdpbssd %xmm1,%xmm2,%xmm3
	vpdpbssds (%rax),%ymm2,%ymm3
	vpdpbsud %xmm1,%xmm2,%xmm3
	vpdpbuud %xmm1,%xmm2,%xmm3
	{vex} vpmadd52luq %xmm1,%xmm2,%xmm3
	{vex} vpmadd52huq (%rax),%ymm2,%ymm3
	vcvtneebf162ps (%rax),%ymm1
	vcvtneobf162ps (%rax),%ymm1
	vcvtneeph2ps (%rax),%ymm1
	vcvtneoph2ps (%rax),%ymm1
	vbcstnesh2ps (%rax),%ymm1
	vbcstnebf162ps (%rax),%ymm1
	{vex} vcvtneps2bf16 %xmm1,%xmm2
	tdpfp16ps %tmm1,%tmm2,%tmm3
	wrmsrns
	rdmsrlist
	wrmsrlist
	prefetchit0 (%rip)
	prefetchit1 (%rip)
	rmpquery
