// SPDX-License-Identifier: GPL-2.0-or-later
/* Rings in the kernel's hands: vhost's ioctls. */
/*
 * How this works
 *
 * The kernel gets the process's memory (owner), guest RAM as a table of
 * {GPA, host address} and, for each ring, its size, the addresses of its three
 * areas in our address space, and two eventfds. It has its own checks of what
 * the guest puts into the ring; we only make sure that the areas are RAM, which
 * virtq_start did.
 *
 * A ring starts where ours would: at index 0 when the driver set it up, since
 * a ring that stopped is only started again by a driver that reset it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/vhost.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "virtio/vhost.h"

int vhost_open(struct vhost *v, const char *path, const char *module,
	       const char *name, struct err *e)
{
	__u64 features;

	*v = (struct vhost){ .path = path, .name = name };
	v->fd = open(path, O_RDWR | O_CLOEXEC);
	if (v->fd < 0) {
		int ret = err_sys(e, path, "open");

		err_hint(
			e,
			ret == -EACCES
				? "your user needs read and write access to %s; vhost=off does without it"
				: "modprobe %s makes it; vhost=off does without it",
			ret == -EACCES ? path : module);
		return ret;
	}
	if (ioctl(v->fd, VHOST_SET_OWNER) ||
	    ioctl(v->fd, VHOST_GET_FEATURES, &features)) {
		int ret = err_sys(e, path, "VHOST_SET_OWNER");

		vhost_close(v);
		return ret;
	}
	v->features = features;
	return 0;
}

void vhost_close(struct vhost *v)
{
	if (v->path && v->fd >= 0)
		close(v->fd);
	v->fd = -1;
	v->path = NULL;
}

static int fail(const struct vhost *v, const char *op, struct err *e)
{
	int ret = err_sys(e, v->path, op);

	return err_ctx(e, ret, "%s", v->name);
}

int vhost_set_features(struct vhost *v, uint64_t features, struct err *e)
{
	__u64 bits = features & v->features;

	if (ioctl(v->fd, VHOST_SET_FEATURES, &bits))
		return fail(v, "VHOST_SET_FEATURES", e);
	return 0;
}

int vhost_set_memory(struct vhost *v, const struct mem *mem, struct err *e)
{
	struct vhost_memory *m =
		calloc(1, sizeof(*m) + MEM_MAX_RAM * sizeof(m->regions[0]));
	int ret = 0;

	if (!m)
		return err_set(e, ENOMEM, "%s: out of memory", v->name);
	for (; m->nregions < mem->nr_ram; m->nregions++) {
		const struct mem_region *r = mem->ram[m->nregions];

		m->regions[m->nregions] = (struct vhost_memory_region){
			.guest_phys_addr = r->gpa,
			.memory_size = r->size,
			.userspace_addr = (uintptr_t)r->hva,
		};
	}
	if (ioctl(v->fd, VHOST_SET_MEM_TABLE, m))
		ret = fail(v, "VHOST_SET_MEM_TABLE", e);
	free(m);
	return ret;
}

static int set_file(struct vhost *v, unsigned long op, const char *op_name,
		    unsigned int index, int fd, struct err *e)
{
	struct vhost_vring_file file = { .index = index, .fd = fd };

	return ioctl(v->fd, op, &file) ? fail(v, op_name, e) : 0;
}

int vhost_ring_call(struct vhost *v, unsigned int index, struct virtio_queue *q,
		    struct err *e)
{
	return set_file(v, VHOST_SET_VRING_CALL, "VHOST_SET_VRING_CALL", index,
			virtio_queue_call_fd(q), e);
}

static int set_areas(struct vhost *v, unsigned int index,
		     const struct virtio_queue *q, struct err *e)
{
	struct vhost_vring_state size = { index, q->vq.setup.size };
	struct vhost_vring_state base = { index, 0 };
	struct vhost_vring_addr areas = {
		.index = index,
		.desc_user_addr = (uintptr_t)q->vq.split.desc,
		.avail_user_addr = (uintptr_t)q->vq.split.avail,
		.used_user_addr = (uintptr_t)q->vq.split.used,
	};

	BUG_ON(q->vq.setup.is_packed);
	if (ioctl(v->fd, VHOST_SET_VRING_NUM, &size))
		return fail(v, "VHOST_SET_VRING_NUM", e);
	if (ioctl(v->fd, VHOST_SET_VRING_BASE, &base))
		return fail(v, "VHOST_SET_VRING_BASE", e);
	if (ioctl(v->fd, VHOST_SET_VRING_ADDR, &areas))
		return fail(v, "VHOST_SET_VRING_ADDR", e);
	return 0;
}

int vhost_ring_start(struct vhost *v, unsigned int index,
		     struct virtio_queue *q, struct err *e)
{
	int ret = set_areas(v, index, q, e);

	if (!ret)
		ret = vhost_ring_call(v, index, q, e);
	if (!ret)
		ret = set_file(v, VHOST_SET_VRING_KICK, "VHOST_SET_VRING_KICK",
			       index, q->kick.fd, e);
	return ret;
}

void vhost_ring_stop(struct vhost *v, unsigned int index)
{
	struct vhost_vring_state state = { .index = index };
	struct err e = { 0 };

	if (ioctl(v->fd, VHOST_GET_VRING_BASE, &state))
		fail(v, "VHOST_GET_VRING_BASE", &e);
	if (!set_file(v, VHOST_SET_VRING_KICK, "VHOST_SET_VRING_KICK", index,
		      VHOST_FILE_UNBIND, &e))
		set_file(v, VHOST_SET_VRING_CALL, "VHOST_SET_VRING_CALL", index,
			 VHOST_FILE_UNBIND, &e);
	if (e.code)
		log_warn(v->name, "%s", e.msg);
}
