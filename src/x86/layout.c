// SPDX-License-Identifier: GPL-2.0-or-later
/* Places guest RAM around the holes of the address space. */
#include "src/x86/layout.h"

/* Takes what fits of *left at [gpa, end); the piece is dropped if that is
 * nothing. */
static unsigned int take(struct x86_ram_piece *out, gpa_t gpa, gpa_t end,
			 uint64_t *left)
{
	uint64_t size = *left < end - gpa ? *left : end - gpa;

	if (!size)
		return 0;
	*out = (struct x86_ram_piece){ gpa, size };
	*left -= size;
	return 1;
}

unsigned int x86_place_ram(uint64_t ram_size, bool avoid_ht_hole,
			   struct x86_ram_piece out[X86_MAX_RAM_PIECES])
{
	gpa_t high_end = avoid_ht_hole ? X86_HT_HOLE_START : UINT64_MAX;
	unsigned int n = 0;

	n += take(&out[n], 0, X86_RAM_BELOW_4G_MAX, &ram_size);
	n += take(&out[n], GIB(4), high_end, &ram_size);
	n += take(&out[n], X86_HT_HOLE_END, UINT64_MAX, &ram_size);
	return n;
}
