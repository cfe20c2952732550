/*
 * anchor.h - where a stranger begins: found by its magic in .data, or through the ELF note.
 *
 * The note (section .note.gdetect, name "gdetect", type 1) holds the anchor's
 * address relative to the note's own address as a signed 64-bit number, so it
 * survives ASLR. The head up to `layout` never changes; the rest belongs to
 * `version`, or is found by name through `layout` (layout.h).
 */
#ifndef GD_RUNTIME_INSPECT_ANCHOR_H
#define GD_RUNTIME_INSPECT_ANCHOR_H

#include <stdint.h>

#define GD__ANCHOR_MAGIC                                                                           \
	"\x7fgdetect\xc2\xa7"                                                                      \
	"anchor" /* 16 bytes and a NUL */
#define GD__ANCHOR_VERSION 4
#define GD__NOTE_TYPE      1

struct gd__anchor {
	char magic[16];
	uint32_t version; /* GD__ANCHOR_VERSION */
	uint32_t size;    /* of this structure */
	char build[32];   /* version of the library, NUL-terminated */
	uint64_t layout;  /* address of the struct gd__layout_head */

	/* Addresses are of the inspected process. */
	uint64_t g_size;    /* sizeof(struct gd__g): another guard against a mismatch */
	uint64_t gtab;      /* address of the struct gd__gtab */
	uint64_t allm;      /* address of the head of the list of Ms */
	uint64_t timers;    /* address of the per-P timer heaps */
	uint64_t now;       /* address of an int64_t: clock at the last stop or dump */
	uint64_t ended;     /* address of a uint32_t: main has returned */
	uint64_t run_frame; /* address of a uint64_t, then an int32_t: gd_run's frame, its thread */
	uint64_t fork;      /* address of the struct gd__fork: what a child has lost */
	uint64_t main_id;   /* address of a uint64_t: id of the main goroutine */
	uint64_t heap_root, depot_root, reports_root; /* set by detector/common, or 0 */
	/* Array of {lo, hi} pairs (lo 0: none): what gd_leak_add_root registered. By
	 * detector/image. */
	uint64_t user_roots, user_roots_n;
};

extern struct gd__anchor gd__anchor;

#endif
