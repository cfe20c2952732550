/*
 * image_core_modules.h - the executable and the libraries of a core, and their files on disk.
 *
 * A core leaves out read-only data of files; it is read from the file
 * itself, once that is shown to be the same build.
 */
#ifndef GD_DETECTOR_IMAGE_IMAGE_CORE_MODULES_H
#define GD_DETECTOR_IMAGE_IMAGE_CORE_MODULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "detector/image/image_core_file.h"

#define GD__BUILD_ID_MAX 32
#define GD__DATA_MAX     8 /* writable segments of a module that are looked at */

enum gd__module_file {
	GD__MODULE_SAME,   /* on disk is what was dumped */
	GD__MODULE_UNSURE, /* on disk is something, and nothing tells whether it is the same */
	GD__MODULE_OTHER,  /* on disk is another build */
	GD__MODULE_MISSING /* not on disk, or not readable */
};

struct gd__module {
	const char *path;  /* as the dumped process named it */
	const char *disk;  /* where to look: the same, or what --exe says */
	uint64_t lo, hi;   /* of all its mappings */
	uint64_t first_hi; /* end of the first one */
	uint64_t base;     /* what an address in the file is moved by */
	bool main;         /* the executable */
	bool elf;          /* its ELF header could be read, so what follows is set */
	enum gd__module_file file;
	const unsigned char *image; /* the file on disk, mapped; only if SAME or UNSURE */
	size_t image_size;
	unsigned char build_id[GD__BUILD_ID_MAX];
	size_t build_id_len;
	uint64_t tls_size, tls_align;
	uint64_t anchor; /* where its gdetect note points, 0 if it has none */
	size_t ndata;
	struct {
		uint64_t lo, hi;
	} data[GD__DATA_MAX]; /* writable segments in memory: .data and .bss */
};

struct gd__modules {
	struct gd__module *module; /* sorted by lo */
	size_t n;
	const struct gd__corefile *core;
};

/* exe[0..nexe): paths that replace modules of the same file name; the first that matches none
 * replaces the executable. false: no memory. */
bool gd__modules_open(struct gd__modules *m, const struct gd__corefile *core,
		      const char *const *exe, size_t nexe);
void gd__modules_close(struct gd__modules *m);

/* The module at addr, or NULL. */
const struct gd__module *gd__modules_find(const struct gd__modules *m, uint64_t addr);
/* Memory of the core, or read-only memory of a module's file. As gd__corefile_view. */
const void *gd__modules_view(const struct gd__modules *m, uint64_t addr, size_t n, size_t *got);
bool gd__modules_read(const struct gd__modules *m, uint64_t addr, void *buf, size_t n);

#endif
