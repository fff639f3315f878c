// SPDX-License-Identifier: GPL-2.0-or-later
/* Functions, links and ACS as JSON: docs/strait-iommu-json.md. */
#include <linux/pci_regs.h>
#include <stdio.h>

#include "src/base/bits.h"
#include "tools/iommu/view.h"

static json_t *hex_id(unsigned int id, int digits)
{
	char s[16];

	snprintf(s, sizeof(s), "%0*x", digits, id);
	return json_string(s);
}

json_t *view_json_bits(uint16_t bits)
{
	static const struct {
		uint16_t bit;
		const char *name;
	} names[] = {
		{ PCI_ACS_SV, "SV" }, { PCI_ACS_TB, "TB" },
		{ PCI_ACS_RR, "RR" }, { PCI_ACS_CR, "CR" },
		{ PCI_ACS_UF, "UF" }, { PCI_ACS_EC, "EC" },
		{ PCI_ACS_DT, "DT" },
	};
	json_t *list = json_array();

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (bits & names[i].bit)
			json_array_append_new(list, json_string(names[i].name));
	return list;
}

json_t *view_json_acs(const struct topo_fn *f)
{
	json_t *j = json_object();

	json_object_set_new(j, "known", json_boolean(f->cfg_len >= 256));
	json_object_set_new(j, "capable", json_boolean(f->acs.has_cap));
	if (f->acs.has_cap) {
		json_object_set_new(j, "can", view_json_bits(f->acs.cap));
		json_object_set_new(j, "on", view_json_bits(f->acs.ctrl));
	}
	return j;
}

/* Speeds in GT/s. */
json_t *view_json_link(const struct topo_link *l)
{
	json_t *j;

	if (!l->max_width)
		return json_null();
	j = json_object();
	json_object_set_new(j, "speed", json_real(l->speed / 10.0));
	json_object_set_new(j, "width", json_integer(l->width));
	json_object_set_new(j, "max_speed", json_real(l->max_speed / 10.0));
	json_object_set_new(j, "max_width", json_integer(l->max_width));
	return j;
}

json_t *view_json_fn(const struct view *v, const struct topo_fn *f)
{
	const struct host_pci *p = &f->pci;
	char text[VIEW_TEXT_LEN];
	json_t *j = json_object();

	json_object_set_new(j, "bdf", json_bdf(p->bdf));
	json_object_set_new(j, "vendor", hex_id(p->vendor, 4));
	json_object_set_new(j, "device", hex_id(p->device, 4));
	json_object_set_new(j, "class", hex_id(p->class_code, 6));
	json_object_set_new(j, "name", json_text(view_name(v, p, text)));
	json_object_set_new(
		j, "class_name",
		json_text(names_class(v->names, p, text, sizeof(text))));
	json_object_set_new(j, "type", json_string(topo_type_name(f)));
	json_object_set_new(j, "driver", json_text_or_null(p->driver));
	json_object_set_new(j, "group", json_number_or_null(p->group));
	json_object_set_new(j, "pf", p->is_vf ? json_bdf(p->pf) : json_null());
	json_object_set_new(j, "numa_node", json_number_or_null(f->numa_node));
	json_object_set_new(j, "parent",
			    f->parent ? json_bdf(f->parent->pci.bdf)
				      : json_null());
	return j;
}
