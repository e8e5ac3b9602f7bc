# SPDX-License-Identifier: GPL-2.0
#
# start32.S - a 32-bit program without a library: calls three functions 1,000
# times each, in itself and in a child, and ends with status 7.  With an argument
# it goes on calling, and sleeping for a millisecond in between, without end.
	.text
	.globl	computed, copied, caller
	.type	computed, @function
	.type	copied, @function
	.type	caller, @function
computed:
	push	%ebp
	mov	%esp, %ebp
	mov	8(%ebp), %eax
	inc	%eax
	pop	%ebp
	ret
	.size	computed, . - computed
copied:
	cvtsi2sd 4(%esp), %xmm0
	cvttsd2si %xmm0, %eax
	inc	%eax
	ret
	.size	copied, . - copied
caller:
	call	computed
	ret
	.size	caller, . - caller

calls:
	push	%ebx
	push	%esi
	xor	%ebx, %ebx
	mov	$1000, %esi
1:	push	%ebx
	call	computed
	add	$4, %esp
	mov	%eax, %ebx
	push	%ebx
	call	copied
	call	caller
	add	$4, %esp
	dec	%esi
	jnz	1b
	mov	%ebx, %eax
	pop	%esi
	pop	%ebx
	ret

	.globl	_start
	.type	_start, @function
_start:
	cmpl	$1, (%esp)
	jne	forever
	call	calls
	cmp	$1000, %eax
	jne	bad
	mov	$2, %eax		# fork
	int	$0x80
	test	%eax, %eax
	jz	child
	mov	%eax, %ebx		# waitpid
	push	$0
	mov	%esp, %ecx
	xor	%edx, %edx
	mov	$7, %eax
	int	$0x80
	pop	%eax
	cmp	$0x700, %eax
	jne	bad
	mov	$7, %ebx
	jmp	out
child:
	call	calls
	mov	$7, %ebx
	cmp	$1000, %eax
	je	out
forever:
	call	calls
	cmp	$1000, %eax
	jne	bad
	push	$1000000
	push	$0
	mov	%esp, %ebx
	xor	%ecx, %ecx
	mov	$162, %eax		# nanosleep
	int	$0x80
	add	$8, %esp
	test	%eax, %eax
	jz	forever
bad:
	mov	$1, %ebx
out:
	mov	$1, %eax		# exit
	int	$0x80
	.size	_start, . - _start
	.section .note.GNU-stack,"",@progbits
