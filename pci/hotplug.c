// SPDX-License-Identifier: GPL-2.0-or-later
/* The hot-plug controller of a root port: its slot's registers and events. */
/*
 * How this works
 *
 * The slot (PCIe 6.0 6.7, registers 7.5.3.9 to 7.5.3.11) has an attention
 * button, a power controller and two indicators. Its state is two facts, a
 * card is present or not and its power is on or off; presence and link state in
 * the registers are worked out from these by slot_follow, and what changed is
 * an event. Every write of Slot Control is a command and completes at once.
 *
 * To unplug:	button pressed -> guest blinks the indicator, lets its driver
 *		go, turns power off -> the card leaves, ops->removed
 * To plug in:	card present, button pressed -> guest turns power on -> link up
 * By force:	card gone, link down
 *
 * A guest that turns power off of its own accord keeps the card: it is reset,
 * and comes back with the power. A press that came before the guest's driver is
 * pressed again when that turns its interrupts on, as drivers begin by
 * clearing old events.
 *
 * Events raise one interrupt when "an enabled event is there" becomes true
 * (6.7.3.4): by MSI-X, or INTx, which follows that condition, while MSI-X is
 * off. Missing on purpose: surprise removal as a capability (the card cannot
 * be pulled by hand), power faults, MRL sensor, interlock.
 */
#include <errno.h>
#include <unistd.h>

#include "pci/priv.h"

enum {
	/* The bits of Slot Status that events set, and writing 1 clears. */
	EVENTS = PCI_EXP_SLTSTA_ABP | PCI_EXP_SLTSTA_PFD |
		 PCI_EXP_SLTSTA_MRLSC | PCI_EXP_SLTSTA_PDC | PCI_EXP_SLTSTA_CC |
		 PCI_EXP_SLTSTA_DLLSC,
	/* Those that have their enable bit at the same place. */
	EVENTS_LOW = 0x1f,
	POWER_LIMIT_WATT = 75,
	BUTTON_ENABLED = PCI_EXP_SLTCTL_ABPE | PCI_EXP_SLTCTL_HPIE,
};

static unsigned int reg_get(const struct pci_port *p, unsigned int reg)
{
	return pci_cfg_get(&p->dev, p->exp_cap + reg, 2);
}

static void reg_put(struct pci_port *p, unsigned int reg, unsigned int value)
{
	pci_cfg_put(&p->dev, p->exp_cap + reg, 2, value);
}

static void reg_set(struct pci_port *p, unsigned int reg, unsigned int bits,
		    bool on)
{
	unsigned int old = reg_get(p, reg);

	reg_put(p, reg, on ? old | bits : old & ~bits);
}

/* --- interrupts --- */

static bool event_is_there(const struct pci_port *p)
{
	unsigned int control = reg_get(p, PCI_EXP_SLTCTL);
	unsigned int status = reg_get(p, PCI_EXP_SLTSTA);

	if (!(control & PCI_EXP_SLTCTL_HPIE))
		return false;
	return (status & control & EVENTS_LOW) ||
	       (status & PCI_EXP_SLTSTA_DLLSC &&
		control & PCI_EXP_SLTCTL_DLLSCE);
}

void pci_slot_intx(struct pci_port *p)
{
	bool asserted = p->has_event && !p->msix.is_enabled;
	bool high = asserted && !(pci_cfg_get(&p->dev, PCI_COMMAND, 2) &
				  PCI_COMMAND_INTX_DISABLE);
	uint32_t status = pci_cfg_get(&p->dev, PCI_STATUS, 2);

	status = asserted ? status | PCI_STATUS_INTERRUPT
			  : status & ~(uint32_t)PCI_STATUS_INTERRUPT;
	pci_cfg_put(&p->dev, PCI_STATUS, 2, status);
	if (high == p->intx_is_high || !p->intx.gsi)
		return;
	p->intx_is_high = high;
	pci_intx_set(p->host, &p->intx, high);
}

/* After any change of events or of what enables them. */
static void slot_notify(struct pci_port *p)
{
	static const uint64_t one = 1;
	bool had_event = p->has_event;

	p->has_event = event_is_there(p);
	pci_slot_intx(p);
	if (!p->has_event || had_event || !p->msix.is_enabled)
		return;
	/* Fails only if 2^64 - 2 interrupts wait already. */
	if (write(p->route.eventfd, &one, sizeof(one)) < 0)
		log_debug(p->dev.name, "hot-plug interrupt lost");
}

static void todo(struct pci_port *p, uint32_t what)
{
	__atomic_fetch_or(&p->todo, what, __ATOMIC_RELEASE);
}

/* --- state --- */

/* Makes presence and link what they should be; differences are events. */
static void slot_follow(struct pci_port *p)
{
	bool present = pci_port_is_occupied(p);
	bool powered = !(reg_get(p, PCI_EXP_SLTCTL) & PCI_EXP_SLTCTL_PCC);
	bool enabled = !(reg_get(p, PCI_EXP_LNKCTL) & PCI_EXP_LNKCTL_LD);
	bool up = present && powered && enabled;

	if (present != !!(reg_get(p, PCI_EXP_SLTSTA) & PCI_EXP_SLTSTA_PDS)) {
		reg_set(p, PCI_EXP_SLTSTA, PCI_EXP_SLTSTA_PDS, present);
		reg_set(p, PCI_EXP_SLTSTA, PCI_EXP_SLTSTA_PDC, true);
	}
	reg_set(p, PCI_EXP_LNKSTA, PCI_EXP_LNKSTA_DLLLA, up);
	if (up == p->link_up)
		return;
	__atomic_store_n(&p->link_up, up, __ATOMIC_RELEASE);
	reg_set(p, PCI_EXP_SLTSTA, PCI_EXP_SLTSTA_DLLSC, true);
	/* A link that goes down resets what is behind (PCIe 6.0 6.6.1). */
	if (!up && present && powered)
		todo(p, PORT_RESET_BEHIND);
	log_debug(p->dev.name, "link %s", up ? "up" : "down");
}

void pci_slot_init(struct pci_port *p)
{
	const unsigned int writable =
		PCI_EXP_SLTCTL_ABPE | PCI_EXP_SLTCTL_PFDE |
		PCI_EXP_SLTCTL_MRLSCE | PCI_EXP_SLTCTL_PDCE |
		PCI_EXP_SLTCTL_CCIE | PCI_EXP_SLTCTL_HPIE | PCI_EXP_SLTCTL_AIC |
		PCI_EXP_SLTCTL_PIC | PCI_EXP_SLTCTL_PCC | PCI_EXP_SLTCTL_DLLSCE;

	pci_cfg_put(&p->dev, p->exp_cap + PCI_EXP_SLTCAP, 4,
		    PCI_EXP_SLTCAP_ABP | PCI_EXP_SLTCAP_PCP |
			    PCI_EXP_SLTCAP_AIP | PCI_EXP_SLTCAP_PIP |
			    PCI_EXP_SLTCAP_HPC | POWER_LIMIT_WATT << 7 |
			    p->config.slot << 19);
	put_le(p->dev.wmask + p->exp_cap + PCI_EXP_SLTCTL, writable, 2);
	put_le(p->dev.w1cmask + p->exp_cap + PCI_EXP_SLTSTA, EVENTS, 2);
	pci_slot_power_on(p);
}

void pci_slot_power_on(struct pci_port *p)
{
	unsigned int control =
		pci_port_is_occupied(p)
			? PCI_EXP_SLTCTL_PWR_IND_ON
			: PCI_EXP_SLTCTL_PWR_IND_OFF | PCI_EXP_SLTCTL_PCC;

	control |= PCI_EXP_SLTCTL_ATTN_IND_OFF;
	reg_put(p, PCI_EXP_SLTCTL, control);
	p->control = (uint16_t)control;
	p->unplug_is_pending = false;
	slot_follow(p);
	reg_set(p, PCI_EXP_SLTSTA, EVENTS, false);
	slot_notify(p);
}

/* The card is gone. */
static void leave(struct pci_port *p)
{
	for (unsigned int i = 0; i < PCI_PORT_FUNCTIONS; i++)
		__atomic_store_n(&p->devs[i], NULL, __ATOMIC_RELEASE);
	p->unplug_is_pending = false;
	slot_follow(p);
}

static void press_button(struct pci_port *p)
{
	reg_set(p, PCI_EXP_SLTSTA, PCI_EXP_SLTSTA_ABP, true);
}

/* --- what the guest does --- */

static void power_went_off(struct pci_port *p)
{
	if (!pci_port_is_occupied(p))
		return;
	if (p->unplug_is_pending) {
		leave(p);
		todo(p, PORT_TELL_REMOVED);
		return;
	}
	log_debug(p->dev.name,
		  "the guest turned the slot's power off, its device waits");
	todo(p, PORT_RESET_BEHIND);
}

static bool is_blinking(const struct pci_port *p)
{
	return (p->control & PCI_EXP_SLTCTL_PIC) ==
	       PCI_EXP_SLTCTL_PWR_IND_BLINK;
}

static void control_written(struct pci_port *p)
{
	unsigned int old = p->control;
	unsigned int control = reg_get(p, PCI_EXP_SLTCTL);

	p->control = (uint16_t)control;
	if (control & ~old & PCI_EXP_SLTCTL_PCC)
		power_went_off(p);
	if (p->unplug_is_pending && !is_blinking(p) &&
	    (control & BUTTON_ENABLED) == BUTTON_ENABLED &&
	    (old & BUTTON_ENABLED) != BUTTON_ENABLED)
		press_button(p);
	reg_set(p, PCI_EXP_SLTSTA, PCI_EXP_SLTSTA_CC, true);
}

void pci_slot_written(struct pci_port *p, unsigned int off, unsigned int len)
{
	if (!pci_overlaps(off, len, p->exp_cap + PCI_EXP_LNKCTL,
			  PCI_EXP_RTCTL - PCI_EXP_LNKCTL))
		return;
	if (pci_overlaps(off, len, p->exp_cap + PCI_EXP_SLTCTL, 2))
		control_written(p);
	slot_follow(p);
	slot_notify(p);
}

/* --- what the host does --- */

int pci_port_request_unplug(struct pci_port *p)
{
	int ret = 0;

	pthread_mutex_lock(&p->dev.lock);
	if (!pci_port_is_occupied(p)) {
		ret = -ENODEV;
	} else if (p->control & PCI_EXP_SLTCTL_PCC) {
		leave(p);
		todo(p, PORT_TELL_REMOVED);
	} else if (!p->unplug_is_pending) {
		p->unplug_is_pending = true;
		press_button(p);
	}
	slot_notify(p);
	pthread_mutex_unlock(&p->dev.lock);
	pci_port_finish(p);
	return ret;
}

void pci_port_force_unplug(struct pci_port *p)
{
	pthread_mutex_lock(&p->dev.lock);
	leave(p);
	slot_notify(p);
	pthread_mutex_unlock(&p->dev.lock);
}

int pci_port_plug(struct pci_port *p, struct pci_dev *dev)
{
	int ret = -EEXIST;

	pthread_mutex_lock(&p->dev.lock);
	if (!pci_port_is_occupied(p)) {
		dev->devfn = 0;
		dev->behind = p;
		__atomic_store_n(&p->devs[0], dev, __ATOMIC_RELEASE);
		slot_follow(p);
		/* Presence alone does not interrupt Linux if there is a button.
		 */
		press_button(p);
		slot_notify(p);
		ret = 0;
	}
	pthread_mutex_unlock(&p->dev.lock);
	return ret;
}
