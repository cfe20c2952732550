/*
 * leak_run.h - one check of our own process, from the stop of the world to the report.
 *
 * A check stops the world, gathers everything that is to be printed, starts
 * the world, and prints: looking up symbols allocates, and a stopped thread
 * may hold the allocator's lock.
 */
#ifndef GD_DETECTOR_LEAK_LEAK_RUN_H
#define GD_DETECTOR_LEAK_LEAK_RUN_H

#include "detector/image/image.h"
#include "detector/leak/check.h"
#include "detector/leak/group.h"

struct gd__leak_run {
	struct gd__leak_options opt;
	struct gd__self_how how;
	bool known_too; /* report also what was reported before */
	bool recover;   /* and then let go on whom the option leak_recover allows to */

	/* Out. */
	struct gd__leak_result result; /* what is left of it to report */
	size_t found;                  /* proven or owner-stuck, and not suppressed */
	int error;                     /* GD_OK, or why there is no result */

	struct gd__arena arena;
	struct gd__image im;
	struct gd__leak_groups groups;
};

/*
 * One check at a time: begin before a run, end after it. begin waits by sleeping, because a stopped
 * world may hold it; without wait it gives false if there is another one.
 */
bool gd__leak_begin(bool wait);
void gd__leak_end(void);

/* A check while goroutines may run, between begin and end. Release r->arena afterwards. */
void gd__leak_run(struct gd__leak_run *r);
/* The same where nothing can run any more, and the world stands still. */
void gd__leak_run_asleep(struct gd__leak_run *r);

/* Notes who dropped the last reference to a channel. Between begin and end. */
void gd__leak_note_drop(const void *chan);

/* At the end of the program: what recovery has done. Between begin and end. */
void gd__leak_say_totals(void);
/* Goroutines reported so far that ask for an exit code. */
size_t gd__leak_asking(void);
/* Listens to the end of the program. A constructor; who calls it has it linked in from an archive.
 */
void gd__leak_install(void);
/* In the child of a fork: what the parent has found is the parent's to tell. */
void gd__leak_forget(void);

#endif
