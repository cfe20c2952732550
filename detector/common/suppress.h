/*
 * suppress.h - findings the user does not want to hear of.
 *
 * A file with one rule a line:
 *	leak:GLOB             some frame of the goroutine
 *	leak_top:GLOB         its innermost frame
 *	leak_created_by:GLOB  the function that started it
 *	race:GLOB             some frame of either access
 *	race_top:GLOB         the innermost frame of either access
 * GLOB (* and ?) must match the whole of a function, a source file, its base
 * name, or a module's base name. Empty lines and lines that begin with # are
 * comments. A line may end in "  # reason".
 */
#ifndef GD_DETECTOR_COMMON_SUPPRESS_H
#define GD_DETECTOR_COMMON_SUPPRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/fmt.h"

enum gd__suppress_kind {
	GD__SUPPRESS_LEAK,
	GD__SUPPRESS_LEAK_TOP,
	GD__SUPPRESS_LEAK_CREATED_BY,
	GD__SUPPRESS_RACE,
	GD__SUPPRESS_RACE_TOP,
	GD__SUPPRESS_KINDS
};

/* A frame of the user's code; ours are left out by the caller. NULL: unknown. */
struct gd__suppress_frame {
	const char *function, *file, *module;
};

struct gd__suppress_rule {
	enum gd__suppress_kind kind;
	const char *glob;
	int line;
	_Atomic uint32_t hits;
};

struct gd__suppressions {
	struct gd__suppress_rule *rules;
	size_t count;
	char *text;
	size_t size; /* of text */
};

/*
 * Reads the file at path. 0; or a negative code (GD_EIO: cannot be read, GD_ENOMEM,
 * GD_EINVAL: line *line is no rule), and then s is empty.
 */
int gd__suppress_load(struct gd__suppressions *s, const char *path, int *line);
/* The same from text, which is copied. */
int gd__suppress_parse(struct gd__suppressions *s, const char *text, size_t n, int *line);
void gd__suppress_release(struct gd__suppressions *s);

/* The rule that suppresses a finding, counted as used; NULL: report it. frames innermost first. */
const struct gd__suppress_rule *gd__suppress_leak(struct gd__suppressions *s,
						  const struct gd__suppress_frame *frames, size_t n,
						  const struct gd__suppress_frame *creator);
/* One access of a race; call it for both. */
const struct gd__suppress_rule *
gd__suppress_race(struct gd__suppressions *s, const struct gd__suppress_frame *frames, size_t n);
/* "suppressions used:" with counts, then the unused rules of the given kinds (bit set). */
void gd__suppress_summary(const struct gd__suppressions *s, unsigned kinds, const char *path,
			  struct gd__out *o);
#define GD__SUPPRESS_LEAKS 0x7u
#define GD__SUPPRESS_RACES 0x18u

bool gd__glob_match(const char *glob, const char *text);

/* Those of the option suppressions=, read at first use; a broken file is a fatal error. */
struct gd__suppressions *gd__suppressions_of_process(void);

#endif
