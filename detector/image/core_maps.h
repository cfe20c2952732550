/*
 * core_maps.h - the mappings of a process, and what of each goes into a dump.
 */
#ifndef GD_DETECTOR_IMAGE_CORE_MAPS_H
#define GD_DETECTOR_IMAGE_CORE_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a dump holds of a mapping. */
enum gd__map_content {
	GD__MAP_NOTHING, /* only that it exists */
	GD__MAP_HEADER,  /* its first page: the ELF header and notes of a module */
	GD__MAP_ALL      /* every page that is not all zeros */
};

struct gd__map {
	uint64_t lo, hi;
	uint64_t offset;  /* in the file */
	const char *name; /* "" if it has none */
	bool readable, writable, executable, shared;
	bool file;    /* pages come from a file or, as those of the vdso, from the kernel */
	bool nodump;  /* MADV_DONTDUMP */
	bool device;  /* reads may have side effects */
	bool written; /* a private copy of some page was made */
	bool touched; /* some page exists */
	enum gd__map_content content;
};

/* Invariant: sorted by address, no overlap. */
struct gd__maps {
	struct gd__map *map;
	size_t n;
	char *names;
	/* Memory of both. */
	void *memory;
	size_t memory_size, cap, names_cap, names_len;
};

/*
 * Reads /proc/pid/smaps (maps where the kernel has no smaps). 0 or a negative
 * errno. Memory comes from the system and is itself kept out of dumps.
 */
int gd__maps_read(struct gd__maps *m, int32_t pid);
void gd__maps_release(struct gd__maps *m);

#endif
