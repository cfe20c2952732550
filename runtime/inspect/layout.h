/*
 * layout.h - the runtime's description of itself, for readers without our debug information.
 *
 * Reached from the anchor. It lies in .data, which every kind of core holds. A reader takes the
 * counts and sizes of its head, then looks entries up by name: so it works for any build that has
 * the names it asks for. Made from layout.inc, from the structs themselves: it cannot disagree.
 */
#ifndef GD_RUNTIME_INSPECT_LAYOUT_H
#define GD_RUNTIME_INSPECT_LAYOUT_H

#include <stdint.h>

#define GD__LAYOUT_NAME 24
#define GD__LAYOUT_TEXT 28

struct gd__layout_head {
	uint32_t entries; /* their number; they begin right behind the head */
	uint32_t entry_size;
	uint32_t states;    /* texts of enum gd__g_status, behind the entries */
	uint32_t reasons;   /* texts of enum gd__wait_reason, behind the states */
	uint32_t text_size; /* of each text, NUL-terminated */
	uint32_t unused;
};

struct gd__layout_entry {
	char name[GD__LAYOUT_NAME]; /* "g.id", "g" for the whole, or a constant's; NUL-terminated */
	uint32_t value;             /* offset of a member, value of a constant */
	uint32_t size;              /* of the member or the whole; 0: a constant */
};

extern struct gd__layout_head *const gd__layout;

#endif
