/*
 * image_core_file.h - a core file as segments, threads and mapped files.
 *
 * Written by the kernel, by gdb's gcore or by gd__core_write; may be
 * compressed with gzip or zstd. Nothing in the file is trusted: every offset
 * and count is checked against the size of the file.
 */
#ifndef GD_DETECTOR_IMAGE_IMAGE_CORE_FILE_H
#define GD_DETECTOR_IMAGE_IMAGE_CORE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "detector/image/core_writer.h"

#define GD__CORE_TEXT 320

/* Memory [lo, hi), of which [lo, lo + bytes) is in the file. */
struct gd__segment {
	uint64_t lo, hi;
	uint64_t offset, bytes;
	bool readable, writable, executable;
};

/* A file was mapped at [lo, hi). */
struct gd__filemap {
	uint64_t lo, hi, offset;
	const char *path;
};

struct gd__corefile {
	const unsigned char *data; /* the whole file, read-only */
	size_t size;
	struct gd__segment *segments; /* sorted by lo */
	size_t nsegments;
	struct gd__core_thread *threads; /* in the order of the file */
	size_t nthreads;
	struct gd__filemap *files; /* sorted by lo */
	size_t nfiles;
	uint64_t entry;   /* AT_ENTRY, 0 if unknown */
	uint64_t lost;    /* bytes that the headers promise and the file does not have */
	char program[80]; /* command line, or the short name */
	int32_t pid;
};

/* false: *c is empty and error says why, in one line without the path. */
bool gd__corefile_open(struct gd__corefile *c, const char *path, char error[GD__CORE_TEXT]);
void gd__corefile_close(struct gd__corefile *c);

/* The segment that contains addr, or NULL. */
const struct gd__segment *gd__corefile_segment(const struct gd__corefile *c, uint64_t addr);
/* A view of at most n bytes at addr in the file's own data; NULL if they are not there. */
const void *gd__corefile_view(const struct gd__corefile *c, uint64_t addr, size_t n, size_t *got);
/* The mapped file at addr, or NULL. */
const struct gd__filemap *gd__corefile_filemap(const struct gd__corefile *c, uint64_t addr);

/*
 * Opens path for reading; a gzip or zstd file is unpacked to a temporary file
 * without a name first. A descriptor, or -1 with error set.
 */
int gd__core_unpack(const char *path, char error[GD__CORE_TEXT]);

#endif
