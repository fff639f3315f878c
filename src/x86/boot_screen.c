// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The framebuffer that a kernel finds when it starts.
 *
 * How this works: struct screen_info of the zero page, of the kind that EFI
 * leaves behind. Linux makes a console of it before any driver is there
 * (drivers/firmware/sysfb.c, earlycon=efifb), also without EFI, as after kexec.
 * The VESA kind would do as well but for its size in units of 64 KiB and the
 * earlycon. The PCI function that holds the memory has to have its decode on,
 * or Linux takes the framebuffer for disabled.
 */
#include <linux/types.h>

#include <linux/screen_info.h>

#include "src/x86/boot.h"

enum { BYTES_PER_PIXEL = 4 };

void boot_screen_info(const struct boot_framebuffer *fb,
		      struct screen_info *out)
{
	uint64_t size = (uint64_t)fb->stride * fb->height;

	if (fb->width > UINT16_MAX || fb->height > UINT16_MAX ||
	    fb->stride > UINT16_MAX || size > UINT32_MAX)
		return;
	*out = (struct screen_info){
		.orig_video_isVGA = VIDEO_TYPE_EFI,
		.lfb_width = (uint16_t)fb->width,
		.lfb_height = (uint16_t)fb->height,
		.lfb_depth = 8 * BYTES_PER_PIXEL,
		.lfb_base = (uint32_t)fb->gpa,
		.ext_lfb_base = (uint32_t)(fb->gpa >> 32),
		.lfb_size = (uint32_t)size,
		.lfb_linelength = (uint16_t)fb->stride,
		.blue_size = 8,
		.green_size = 8,
		.green_pos = 8,
		.red_size = 8,
		.red_pos = 16,
		.rsvd_size = 8,
		.rsvd_pos = 24,
		.pages = 1,
		.capabilities = VIDEO_CAPABILITY_64BIT_BASE |
				VIDEO_CAPABILITY_SKIP_QUIRKS,
	};
}
