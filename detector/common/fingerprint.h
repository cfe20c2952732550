/*
 * fingerprint.h - a name for "the same finding again", for baselines and CI.
 *
 * "gd1:" and 32 hex digits: the first half of the SHA-256 of kind, wait kind,
 * the user's frames as module base name and function, and the creator, each
 * with its length before it. No addresses, lines, ids or counts go in, and the
 * compiler's suffixes of functions (.cold, .isra.0, ...) are cut off; so the
 * same leak has one name in the process, in a core of it and after a rebuild.
 */
#ifndef GD_DETECTOR_COMMON_FINGERPRINT_H
#define GD_DETECTOR_COMMON_FINGERPRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GD__FINGERPRINT_LEN 37 /* with the NUL */

/* A frame of the user's code; ours are left out by the caller. */
struct gd__fp_frame {
	const char *module;   /* path or file name of binary or library; NULL or "": unknown */
	const char *function; /* NULL or "": unknown */
};

/*
 * kind: "leak" or "race"; wait: "chan send", or for a race e.g. "write/read".
 * n frames, innermost first; of a race the frames of both accesses, each list
 * through gd__fp_stack of its own. creator: function that started the goroutine.
 * false, and out "", if no frame and no creator has a name: such findings must
 * not share one fingerprint.
 */
bool gd__fingerprint(char out[GD__FINGERPRINT_LEN], const char *kind, const char *wait,
		     const struct gd__fp_frame *frames, size_t n, const char *creator);

/* The same in steps. */
struct gd__fp {
	uint32_t state[8];
	uint64_t bytes;
	uint8_t block[64];
	bool named; /* something with a name went in */
};
void gd__fp_begin(struct gd__fp *f, const char *kind, const char *wait);
void gd__fp_stack(struct gd__fp *f, const struct gd__fp_frame *frames, size_t n,
		  const char *creator);
bool gd__fp_end(struct gd__fp *f, char out[GD__FINGERPRINT_LEN]);

/* Length of function without .cold .isra.N .part.N .constprop.N .lto_priv.N .llvm.N. */
size_t gd__function_stem(const char *function);

#endif
