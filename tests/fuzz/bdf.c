// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libFuzzer target: text as the address of a PCI function.
 *
 * What is accepted must say the same after it was written and read again, and
 * what is refused must leave the result alone.
 */
#include <stdlib.h>
#include <string.h>

#include "src/base/types.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const struct bdf before = { 0xdead, 0xbe, 0xef };
	struct bdf bdf = before, again;
	char buf[BDF_STR_LEN];
	char *text = malloc(len + 1); /* so that a read past its end is seen */

	if (!text)
		return 0;
	memcpy(text, data, len);
	text[len] = '\0';
	if (bdf_parse(text, &bdf)) {
		if (!bdf_equal(bdf, before))
			abort();
	} else if (bdf_parse(bdf_str(bdf, buf), &again) ||
		   !bdf_equal(bdf, again) || strlen(text) >= BDF_STR_LEN) {
		abort();
	}
	free(text);
	return 0;
}
