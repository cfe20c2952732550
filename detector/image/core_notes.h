/*
 * core_notes.h - the PT_NOTE segment of a dump.
 */
#ifndef GD_DETECTOR_IMAGE_CORE_NOTES_H
#define GD_DETECTOR_IMAGE_CORE_NOTES_H

#include "detector/image/core_maps.h"
#include "detector/image/core_writer.h"

/* An upper bound of the bytes that gd__notes_build needs. */
size_t gd__notes_bound(const struct gd__core_source *src, const struct gd__maps *maps);
/* Builds all notes at buf; returns their length. */
size_t gd__notes_build(char *buf, const struct gd__core_source *src, const struct gd__maps *maps);

#endif
