/*
 * scan.h - what a compiler's command line asks for, as far as the wrapper has to know.
 *
 * All arguments that are not the wrapper's own stay as they are, in their order.
 */
#ifndef GD_TOOLS_CC_SCAN_H
#define GD_TOOLS_CC_SCAN_H

#include <stdbool.h>

#include "tools/cc/args.h"

/* What -fgdetect= links. LIBC is no detector: blocking calls of libc park the goroutine. */
enum detector { DETECT_RACE = 1, DETECT_LEAK = 2, DETECT_LIBC = 4 };
enum { DETECTORS = DETECT_RACE | DETECT_LEAK };

/* Sanitizers that bring an allocator or the same callbacks: one bit each, see scan.c. */
enum { SANITIZER_THREAD = 1, SANITIZER_OTHER = 2 };

struct scan {
	unsigned detect;     /* enum detector bits of -fgdetect; the last flag wins */
	unsigned sanitizers; /* bits of the user's own -fsanitize= */
	bool opt_out;        /* -fno-sanitize=thread (or all) was given for this file */
	bool no_link;        /* -c, -E, -fsyntax-only, --version...: the linker is not run */
	bool shared;         /* -shared */
	bool is_static;      /* -static, -static-pie */
	bool no_libraries;   /* -nostdlib, -nodefaultlibs, -r */
	bool debug_info;     /* some -g option, also -g0 */
	bool inputs;         /* a file, or "-" */
	bool gold;           /* -fuse-ld=gold */
	bool show, version;  /* --gdetect-show, --gdetect-version */
	struct args rest;    /* the arguments for the compiler */

	/* State of the scanner. */
	bool drop_libraries; /* leave out what names a library of ours */
	bool value_next;     /* the next argument belongs to the one before */
	bool dropped;        /* something was taken out of this list */
};

/*
 * Reads argv[1..argc) and the response files in it. Does not return on a wrong -fgdetect=.
 * Where the wrapper links our libraries itself, the user's mention of them is left out.
 */
void scan_command_line(struct scan *s, int argc, char **argv);
/* An executable or shared library is linked. */
bool scan_links(const struct scan *s);

#endif
