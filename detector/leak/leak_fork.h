/*
 * leak_fork.h - a copy of the process, forked in a stopped world, that analyses itself while the
 * process goes on.
 *
 * The copy is made by a bare clone: no fork handlers, no signal at its end, so neither the
 * program's wait() nor its SIGCHLD handler sees it; it closes all descriptors, so that what the
 * program closes is closed. It takes no lock of the program's, and puts its answer into memory
 * that both share, where pointers mean the same. It dies with the thread that made it.
 *
 * Known gap: stacks are followed by libunwind, which takes the loader's lock. If a thread outside
 * of the runtime is in dlopen() at the moment of the fork, the copy waits in vain, until it is
 * killed: the check has not run, and says so.
 */
#ifndef GD_DETECTOR_LEAK_LEAK_FORK_H
#define GD_DETECTOR_LEAK_LEAK_FORK_H

#include "detector/leak/check.h"
#include "detector/leak/group.h"
#include "detector/leak/leak_known.h"
#include "detector/leak/recover.h"

/* What comes of looking at the stopped world. All it points to is in an arena. */
struct gd__leak_answer {
	struct gd__leak_result result; /* what is to be reported */
	struct gd__leak_groups groups;
	struct gd__recoveries chosen;
	struct gd__leak_left left;
	size_t ignored, known; /* left out */
};

/* GD_OK, or an error. */
typedef int gd__leak_judge(void *arg, struct gd__arena *a, struct gd__leak_answer *answer);

/* All zero is empty. */
struct gd__leak_fork {
	struct gd__leak_box *box; /* shared with the copy */
	size_t size;
	int pid;
	bool modest;      /* in: the copy leaves the CPU to others */
	int64_t fork_ns;  /* what the fork took */
	int64_t judge_ns; /* what the analysis took */
	char why[128];    /* what went wrong, "" if nothing did */
};

/* Before the stop: maps what both will share. GD_OK, GD_ENOMEM. */
int gd__leak_fork_prepare(struct gd__leak_fork *f);
/* In the stopped world: forks, and has the copy judge. GD_ENOMEM, GD_EAGAIN: there is no copy. */
int gd__leak_fork_go(struct gd__leak_fork *f, gd__leak_judge *judge, void *arg);
/*
 * Waits for the copy, at most limit_ns; then it is killed. Blocks the thread. GD_OK: what *answer
 * points to stays until release. Else the error of judge, GD_ETIMEDOUT, or GD_EIO if the copy
 * ended in another way.
 */
int gd__leak_fork_wait(struct gd__leak_fork *f, int64_t limit_ns, struct gd__leak_answer *answer);
void gd__leak_fork_release(struct gd__leak_fork *f);

#endif
