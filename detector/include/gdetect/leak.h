/*
 * leak.h - ask for leak checks and dumps. For programs built with -fgdetect=leak.
 *
 * "Nothing was found", "the check did not run" and "it ran, but could not see everything" are
 * three answers everywhere here: a count, a negative code, and GD_EINCOMPLETE with the reason
 * in struct gd_leak_result.
 */
#ifndef GDETECT_LEAK_H
#define GDETECT_LEAK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Which goroutines count. Each level includes those before it. */
enum gd_leak_level {
	GD_LEAK_DEFAULT, /* as GD_LEAK_OWNER; suspects are reported, but do not count */
	GD_LEAK_PROVEN,  /* nothing that may still run can wake it, or it waits in a cycle of locks
			  */
	GD_LEAK_OWNER,   /* who could wake it is itself stuck for ever */
	GD_LEAK_SUSPECT, /* looks stuck, but evidence is missing (no records of heap blocks) */
	GD_LEAK_END      /* all that are there: at the end of a program or a test */
};

/* One goroutine that was found. Texts are valid during the call only. */
struct gd_leak_found {
	uint64_t goroutine, parent;
	enum gd_leak_level verdict;
	const char *verdict_text; /* "proven", "owner-stuck", "alive-at-end", "suspect" */
	const char *evidence; /* "nil", "unreachable", "cycle", "dropped", "owner", "dead-owner",
			       * "alive" */
	const char *evidence_text; /* one clause: why */
	const char *wait;          /* "chan receive", "" if it does not wait */
	const char *name;          /* its function, or what it was named */
	const char *site;          /* "file.c:12" of its gd_go, "" if unknown */
	uint64_t owner;            /* the goroutine that should have woken it, 0 if none is known */
	uint64_t retained;         /* bytes of stack and heap that only it reaches */
	int64_t waited_ns;         /* since it parked; 0 if it does not wait */
};

/* What came of a check. */
struct gd_leak_result {
	bool ran;      /* false: it found nothing because it did not look; why says the reason */
	bool complete; /* false: ran, but some evidence was missing; why says what */
	char why[192]; /* "" if ran and complete */
	uint64_t goroutines;                        /* looked at */
	size_t proven, owner_stuck, suspect, alive; /* reported, by verdict */
	size_t suppressed;                          /* left out: by a suppression, */
	size_t ignored;                             /* by gd_leak_ignore_current, */
	size_t expected;                            /* by gd_leak_expect, */
	size_t known;        /* because they were reported before (fresh_only) */
	size_t missed;       /* expected, and at the end of the test not there */
	int64_t stop_ns;     /* how long the world stood still */
	int64_t fork_ns;     /* of that, the fork of a forked check */
	int64_t analysis_ns; /* what the analysis took, in a forked check outside of the stop */
};

/* How to check. All zero is the default. */
struct gd_leak_opts {
	size_t size_;                    /* by gd_leak_check */
	const struct gd_leak_opts *opts; /* if not NULL, this is used instead of all others here */
	enum gd_leak_level level;
	bool fresh_only; /* leave out goroutines that were reported before */
	bool forked;     /* a forked copy of the process is analysed while the others go on */
	bool quiet;      /* print nothing, leave the exit code alone, recover nobody */
	int settle_ms;   /* first wait until others have parked, at most so long */
	int limit_ms;    /* forked: give up after so long; 0: 60 s */
	struct gd_leak_result *result;
	/* Called for each goroutine reported, when all goes on. May do what the caller may. */
	void (*each)(void *arg, const struct gd_leak_found *found);
	void *arg;
};

/*
 * Looks for goroutines that can never run again, prints a report for each group of them to stderr
 * (or log_path) and goes on. The world stands still meanwhile, or with .forked for the fork alone.
 * Returns how many were found that count at the level asked for. Negative: GD_EINCOMPLETE,
 * it ran, saw not everything and found none; any other code, it did not run (GD_EINVAL: gd_run
 * was not called; GD_ENOMEM, GD_EAGAIN: no memory or no process; GD_ETIMEDOUT; GD_EIO: the copy
 * was killed). Never read a negative code as "none". May park. Also on a thread that runs
 * no goroutine.
 *
 *     gd_leak_check();
 *     gd_leak_check(.level = GD_LEAK_END, .forked = true);
 *     gd_leak_check(&opts);
 */
int gd_leak_check_opts(const struct gd_leak_opts *opts);
#ifndef __cplusplus
#	define gd_leak_check(...)                                                                 \
		gd_leak_check_opts(&(struct gd_leak_opts){ .size_ = sizeof(struct gd_leak_opts),   \
							   __VA_ARGS__ })
#endif

/*
 * Goroutines that are there now are left out of all later checks: to adopt leak checks in a program
 * that has leaks already. Returns how many, or GD_EINVAL before gd_run, GD_ENOMEM.
 */
int gd_leak_ignore_current(void);

/*
 * A leak that is known and allowed: exactly count goroutines whose function, or name given by
 * gd_go_name, or place of creation ("file.c:12") is where. Checks do not report them, and report
 * what is beyond count. At the end of the program, or of the test that this was called in, fewer
 * of them are a finding, too: the leak has been repaired, and this is to go. Text is copied.
 * Found are they at the level of that check: proven and owner-stuck if none is given.
 * GD_OK, GD_EINVAL (an empty or too long name, count 0), GD_ENOMEM (more than 64).
 */
int gd_leak_expect(const char *where, size_t count);

/*
 * Runs fn as a test, in a goroutine of its own, and then looks for the goroutines that are left of
 * it: what it has started, what those have started, and so on; nobody else's. Also if the test has
 * failed. Goroutines that are about to end are waited for. A test that is itself stuck is given
 * up. On a goroutine only; several may run tests at once.
 */
enum gd_leak_test_status { /* bits */
			   GD_LEAK_TEST_OK = 0,
			   GD_LEAK_TEST_FAILED =
				   1, /* fn gave a number other than 0, or ended by gd_go_exit */
			   GD_LEAK_TEST_LEAKED =
				   2, /* goroutines are left, or an expected one is not */
			   GD_LEAK_TEST_STUCK = 4, /* fn itself never returns; always with LEAKED */
			   GD_LEAK_TEST_NOT_CHECKED =
				   8, /* the check did not run, or saw not everything and found
				       * none; or no test was run: not on a goroutine */
};

/*
 * opts: NULL, or what differs from the default: level GD_LEAK_END, settle_ms 500 (time in which
 * none of the goroutines left gets on; -1: none). Returns bits of gd_leak_test_status.
 */
int gd_leak_test(const char *name, int (*fn)(void *arg), void *arg,
		 const struct gd_leak_opts *opts);

/* The same of a function without arguments, which returns nothing or an int. */
#define GD_LEAK_TEST(fn) gd_leak_test_plain(#fn, (void (*)(void))(fn), GD__LEAK_TEST_INT(fn))
int gd_leak_test_plain(const char *name, void (*fn)(void), bool returns_int);
#ifndef __cplusplus
#	define GD__LEAK_TEST_INT(fn) _Generic(&*(fn), int (*)(void) : true, void (*)(void) : false)
#endif

/* What the checks of this process came to so far, the periodic ones (leak_every) included. */
struct gd_leak_stats {
	uint64_t ran, incomplete, failed; /* checks; incomplete ones have run */
	uint64_t reported;                /* goroutines that ask for an exit code */
	int64_t stop_last_ns, stop_max_ns, fork_last_ns, fork_max_ns;
	int64_t analysis_last_ns, analysis_max_ns;
	int64_t every_ns; /* period of leak_every; 0: it is switched off */
	bool at_exit;     /* there is a check at exit; false: switched off by leak_at_exit=0 */
};
/* Fills *stats, which has size bytes: sizeof(*stats). Callable from any thread. */
void gd_leak_stats(struct gd_leak_stats *stats, size_t size);

/*
 * Prints to stderr (or log_path) why goroutine goid is, or is not, a leak: of
 * one that waits and is not, the way by which what it waits for can still be
 * reached, from a global, a stack or a timer. 1: it is a leak, 0: it is none,
 * GD_EINVAL: there is no such goroutine, other negative codes as gd_leak_check.
 */
int gd_leak_why(uint64_t goid);

/*
 * Writes an ELF core of this process to path while the process goes on; gleak
 * and gdb read it. An existing file is replaced only when the new one is whole.
 * GD_OK, GD_EIO (errno says why), GD_ENOMEM.
 */
int gd_dump(const char *path);

/* [p, p+n) may hold pointers although no root leads there (own mmap, shared memory). */
void gd_leak_add_root(const void *p, size_t n);
void gd_leak_remove_root(const void *p);

#ifdef __cplusplus
}

static inline bool GD__LEAK_TEST_INT(int (*)(void))
{
	return true;
}
static inline bool GD__LEAK_TEST_INT(void (*)(void))
{
	return false;
}
static inline int gd_leak_check(const struct gd_leak_opts *opts = NULL)
{
	return gd_leak_check_opts(opts);
}
#endif
#endif
