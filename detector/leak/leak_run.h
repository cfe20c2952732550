/*
 * leak_run.h - one check of our own process, from the stop of the world to the report.
 *
 * A check stops the world, gathers everything that is to be printed, starts
 * the world, and prints: looking up symbols allocates, and a stopped thread
 * may hold the allocator's lock.
 */
#ifndef GD_DETECTOR_LEAK_LEAK_RUN_H
#define GD_DETECTOR_LEAK_LEAK_RUN_H

#include <gdetect/leak.h>

#include "detector/image/image.h"
#include "detector/leak/leak_fork.h"

struct gd__leak_run {
	struct gd__leak_options opt;
	struct gd__self_how how;
	enum gd_leak_level level;
	bool known_too;   /* report also what was reported before */
	bool recover;     /* and then let go on whom the option leak_recover allows to */
	bool too_late;    /* instead: say who could have gone on, had the program lasted */
	bool quiet;       /* print nothing, and ask for no exit code */
	bool forked;      /* the world stands still only until a copy of it is made */
	bool modest;      /* the copy leaves the CPU to others */
	bool periodic;    /* the check at the end of the program makes this one superfluous */
	bool ends_scope;  /* what was expected in it is due */
	bool only_waits;  /* the caller does nothing until somebody of the scope goes on */
	uint32_t scope;   /* if not 0: only what belongs to it, see scope.h */
	const char *test; /* its name */
	int64_t limit_ns; /* forked: how long the copy may take */

	/* Out. */
	int error;                  /* GD_OK, or why there is no result */
	struct gd__leak_answer out; /* result.ran, complete and why always mean something */
	size_t reported[4];         /* by verdict, without those suppressed */
	size_t muted;               /* proven, recovered, and not worth a word */
	size_t suppressed, expected;
	size_t missed; /* expected, and not there */
	int64_t stop_ns, fork_ns, judge_ns;

	struct gd__arena arena;
	struct gd__leak_fork fork;
	struct gd__runtime rt;
};

/*
 * One check at a time: begin before a run, end after it. begin waits by sleeping, because a stopped
 * world may hold it; without wait it gives false if there is another one.
 */
bool gd__leak_begin(bool wait);
void gd__leak_end(void);

enum gd_leak_level gd__leak_level(enum gd__verdict v);

/*
 * A check while goroutines may run, between begin and end; gd__leak_run_release afterwards. A
 * forked one lets others begin while it waits for the copy, and blocks the thread: on a goroutine
 * as a system call.
 */
void gd__leak_run(struct gd__leak_run *r);
void gd__leak_run_release(struct gd__leak_run *r);
/* The same where nothing can run any more, and the world stands still. */
void gd__leak_run_asleep(struct gd__leak_run *r);

/* Those reported that count at the level asked for. */
size_t gd__leak_count(const struct gd__leak_run *r);
/* What was asked for by the program, without what the struct of an older one does not have. */
struct gd_leak_opts gd__leak_options(const struct gd_leak_opts *given);
int64_t gd__leak_limit_ns(const struct gd_leak_opts *o);
/* Fills in o->result and calls o->each. Not between begin and end. */
void gd__leak_hand_out(const struct gd_leak_opts *o, const struct gd__leak_run *r);

/* Nobody but the caller may ever run: no goroutine, no timer, no thread of the program's. */
bool gd__leak_alone(const struct gd__image *im);

/* Notes who dropped the last reference to a channel. Between begin and end. */
void gd__leak_note_drop(const void *chan);

/* At the end of the program: what recovery has done. Between begin and end. */
void gd__leak_say_totals(void);
/* What gd_leak_stats gives, without waiting. Between begin and end. */
const struct gd_leak_stats *gd__leak_stats(void);
/* Goroutines reported so far that ask for an exit code. */
size_t gd__leak_asking(void);
/* Listens to the end of the program. A constructor; who calls it has it linked in from an archive.
 */
void gd__leak_install(void);
/* The check at the end of the program has been made, or is. Between begin and end. */
bool gd__leak_program_ended(void);
/* In the child of a fork: what the parent has found is the parent's to tell. */
void gd__leak_forget(void);

#endif
