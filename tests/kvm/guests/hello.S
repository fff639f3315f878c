/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Says hello and powers off. */
#include "guest.h"

	PVH_ENTRY
	PRINT	"hello\n"
	POWER_OFF
