// SPDX-License-Identifier: GPL-2.0
/*
 * info-main.c - bench-info's program has to begin somewhere.
 */
int main(void)
{
	return 0;
}
