/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a monitor says about itself. */
#ifndef STRAIT_DEV_EDID_H
#define STRAIT_DEV_EDID_H

#include <stdint.h>

enum { EDID_LEN = 128 };

/* EDID 1.4 of a monitor that prefers 1024 x 768 and knows usual sizes. */
void edid_fill(uint8_t out[EDID_LEN]);

#endif
