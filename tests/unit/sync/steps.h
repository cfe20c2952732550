/*
 * steps.h - two goroutines whose every interleaving of one switch is tried: the first runs so many
 * machine instructions, then the second runs until it is done or has to wait for the first, then
 * the first goes on. So each window in between two instructions of the runtime is hit, without a
 * hook in it.
 *
 * The CPU's trap flag stops the first after each instruction. Whether a thread has to wait is seen
 * by the system calls that the runtime makes (gd__os_filter): a futex, a pause, the poller. Needs
 * two Ps: both goroutines spin on theirs between rounds. x86-64 only.
 */
#ifndef GD_TESTS_UNIT_SYNC_STEPS_H
#define GD_TESTS_UNIT_SYNC_STEPS_H

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include "runtime/base/options.h"
#include "tests/unit/sync/goroutines.h"
#include "tests/unit/time/fake_clock.h"

/* One pair. begin and check run in the first goroutine, before and after. */
struct steps_pair {
	const char *name;
	void (*begin)(void);
	void (*first)(void);
	void (*second)(void);
	void (*check)(void);
	bool thread; /* second runs on a thread of the program, not in a goroutine */
	/* May be called at any time once one of the two has ended and the other has not. */
	void (*meanwhile)(void);
	/* Instructions count from where it is first true; NULL: all. Asked at any instruction. */
	bool (*from)(void);
};

/* Traps for each order of a pair: some 12 us each where the machine is virtual. */
#ifdef UNIT_ASAN
#	define STEPS_BUDGET 6000u
#else
#	define STEPS_BUDGET 25000u
#endif

enum steps_phase { STEPS_APART, STEPS_FIRST, STEPS_SECOND };

static struct {
	_Atomic uint32_t phase, round, ready, done, waits, ended; /* done: second, ended: first */
	_Atomic uint32_t count, at, traps; /* traps: also those that do not count */
	_Atomic uint32_t over, gone;       /* no more rounds; the second has seen it */
	const char *name;
	bool swapped;
} steps;

static const struct steps_pair *steps_pair;

/* 1: the first's thread, 2: the second's. */
static _Thread_local volatile int steps_role;

static void steps_fail(int sig)
{
	char text[200];
	int n = snprintf(text, sizeof(text), "%s%s: stuck, switched after %u instructions\n",
			 steps.name, steps.swapped ? ", swapped" : "", gd__load_seq_cst(&steps.at));

	(void)sig;
	if (write(2, text, (size_t)n) < 0)
		_exit(3);
	_exit(1);
}

/* For who tries again and again: the other has to go on. */
__attribute__((unused)) static void steps_in_vain(void)
{
	uint32_t first = STEPS_FIRST;

	if (steps_role == 1) /* the switch has not come yet */
		gd__cas_seq_cst(&steps.phase, &first,
				STEPS_SECOND); /* pairs with the second's look */
	gd__store_seq_cst(&steps.waits, 1);    /* pairs with steps_let_second_run */
}

#ifdef __x86_64__
#	define TRAP_FLAG 0x100L

static void steps_let_second_run(void)
{
	gd__store_seq_cst(&steps.phase, STEPS_SECOND); /* pairs with the second's look */
	while (!gd__load_seq_cst(&steps.done) && !gd__load_seq_cst(&steps.waits)) /* polled */
		syscall(SYS_sched_yield);
}

static bool steps_counts(void)
{
	return gd__load_seq_cst(&steps.count) > 0 || !steps_pair->from || steps_pair->from();
}

static void steps_trap(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	bool on = gd__load_seq_cst(&steps.phase) == STEPS_FIRST && steps_role == 1; /* own */

	(void)sig;
	(void)info;
	gd__add_seq_cst(&steps.traps, 1); /* own */
	if (on && steps_counts() &&
	    gd__add_seq_cst(&steps.count, 1) + 1 >= gd__load_seq_cst(&steps.at)) {
		steps_let_second_run();
		on = false;
	}
	if (!on)
		uc->uc_mcontext.gregs[REG_EFL] &= ~TRAP_FLAG;
}

static inline void steps_on(void)
{
	__asm__ volatile("lea -128(%%rsp), %%rsp; pushfq; orq $0x100, (%%rsp); popfq; "
			 "lea 128(%%rsp), %%rsp"
			 :
			 :
			 : "memory", "cc");
}
#else
static void steps_trap(int sig, siginfo_t *info, void *context)
{
}

static inline void steps_on(void)
{
	fprintf(stderr, "skipped: single steps are for x86-64\n");
	_exit(77);
}
#endif

/* What blocks a thread, or makes it pause for another. */
static long steps_filter(long nr, const long *arg)
{
	bool pauses = (nr == SYS_futex && (arg[1] & FUTEX_CMD_MASK) == FUTEX_WAIT) ||
		      nr == SYS_epoll_pwait || nr == SYS_nanosleep || nr == SYS_clock_nanosleep;
	uint32_t phase = gd__load_seq_cst(&steps.phase); /* polled */

	if (!pauses)
		return 0;
	if (steps_role == 2 && phase == STEPS_SECOND)
		gd__store_seq_cst(&steps.waits, 1); /* pairs with steps_let_second_run */
	/* Before its time: it can do no more without the second. A pause is only that. */
	if (steps_role == 1 && phase == STEPS_FIRST && nr == SYS_futex)
		gd__store_seq_cst(&steps.phase, STEPS_SECOND); /* pairs with the second's look */
	return 0;
}

static void steps_meanwhile(void)
{
	if (steps_pair->meanwhile)
		steps_pair->meanwhile();
}

/* --- the second --- */

static void steps_second(uint32_t round)
{
	steps_role = 2;
	gd__store_seq_cst(&steps.ready, round);                /* polled */
	while (gd__load_seq_cst(&steps.phase) != STEPS_SECOND) /* pairs with the stores of it */
		syscall(SYS_sched_yield);
	(steps.swapped ? steps_pair->first : steps_pair->second)();
	steps_role = 0; /* of this thread; another one where it parked keeps it until then */
	gd__store_seq_cst(&steps.done, 1); /* polled */
}

/* The first has not ended the round that the second has. */
static bool steps_first_waits(void)
{
	return gd__load_seq_cst(&steps.phase) == STEPS_SECOND && !gd__load_seq_cst(&steps.ended);
}

static void steps_serve(void *arg)
{
	uint32_t round = 0;

	(void)arg;
	while (!gd__load_seq_cst(&steps.over)) {               /* polled */
		if (gd__load_seq_cst(&steps.round) != round) { /* polled */
			steps_second(++round);
			continue;
		}
		if (steps_first_waits())
			steps_meanwhile();
		syscall(SYS_sched_yield);
	}
	gd__store_seq_cst(&steps.gone, 1); /* polled */
}

static void *steps_serve_thread(void *arg)
{
	steps_serve(arg);
	return NULL;
}

/* --- the first --- */

/* One round; how many instructions the first made before the switch, or in all. */
static uint32_t steps_round(uint32_t at)
{
	uint32_t round = gd__load_seq_cst(&steps.round) + 1; /* only written here */

	steps_pair->begin();
	gd__store_seq_cst(&steps.phase, STEPS_APART); /* the next: before the second looks */
	gd__store_seq_cst(&steps.done, 0);
	gd__store_seq_cst(&steps.waits, 0);
	gd__store_seq_cst(&steps.ended, 0);
	gd__store_seq_cst(&steps.count, 0);
	gd__store_seq_cst(&steps.traps, 0);
	gd__store_seq_cst(&steps.at, at);
	gd__store_seq_cst(&steps.round, round);
	while (gd__load_seq_cst(&steps.ready) != round) /* polled: on the other P */
		syscall(SYS_sched_yield);
	alarm(20);
	steps_role = 1;
	gd__store_seq_cst(&steps.phase, STEPS_FIRST); /* before the first trap */
	steps_on();
	(steps.swapped ? steps_pair->second : steps_pair->first)();
	steps_role = 0;
	gd__store_seq_cst(&steps.phase, STEPS_SECOND); /* if it was not yet: pairs as above */
	while (!gd__load_seq_cst(&steps.done))         /* polled; it may need this P */
		gd_yield();
	alarm(0);
	steps_pair->check();
	return gd__load_seq_cst(&steps.count);
}

/* A round; how many traps it took. */
static uint32_t steps_cost(uint32_t at)
{
	steps_round(at);
	return gd__load_seq_cst(&steps.traps) + 1;
}

static uint32_t steps_draw(uint32_t *state, uint32_t below)
{
	*state = *state * 1664525u + 1013904223u;
	return (*state >> 8) % below;
}

/*
 * All switches if the budget allows it, else the first few hundred, and others by chance. How many
 * instructions there are is known when a round ends before its switch.
 */
static void steps_all(const struct steps_pair *pair, uint32_t seed)
{
	uint32_t total, rounds = 0, spent = 0, budget = STEPS_BUDGET * (pair->from ? 4 : 1);

	steps_pair = pair;
	steps.name = pair->name;
	total = steps_round(UINT32_MAX);
	for (uint32_t at = 1; at <= total + 5 && spent < budget * 2 / 3; at++, rounds++)
		spent += steps_cost(at);
	for (; total > 1 && spent < budget && rounds < total; rounds++)
		spent += steps_cost(1 + steps_draw(&seed, total));
	fprintf(stderr, "%s%s: %u instructions, %u switches\n", pair->name,
		steps.swapped ? ", swapped" : "", total, rounds);
}

static void arrive(void *arg)
{
	gd__store_seq_cst((_Atomic bool *)arg, true); /* polled */
}

/* The thread of the other P is there from here on: a thread is made with signals blocked. */
static void steps_both_threads(void)
{
	_Atomic bool arrived = false;

	gd_go_fn(arrive, (void *)&arrived);
	while (!gd__load_seq_cst(&arrived)) /* polled: by another, this one does not give way */
		syscall(SYS_sched_yield);
}

static void steps_main(void *arg)
{
	const char *given = getenv("GD_SEED");
	uint32_t seed = given ? (uint32_t)strtoul(given, NULL, 0) : (uint32_t)gd__os_now();
	const struct steps_pair *pair = arg;
	pthread_t t;

	fprintf(stderr, "GD_SEED=%u\n", seed);
	steps_pair = pair;
	steps_both_threads();
	if (pair->thread)
		CHECK_EQ(pthread_create(&t, NULL, steps_serve_thread, NULL), 0);
	else
		gd_go_fn(steps_serve, NULL);
	steps_all(pair, seed);
	steps.swapped = true;
	if (!pair->thread) /* it cannot do what the first does */
		steps_all(pair, seed);
	gd__store_seq_cst(&steps.over, 1);     /* polled */
	while (!gd__load_seq_cst(&steps.gone)) /* polled */
		gd_yield();
}

/* In a case: it ends the process if a check fails or nothing moves. */
__attribute__((unused)) static void steps_run(struct steps_pair *pair)
{
	struct sigaction trap = { .sa_sigaction = steps_trap, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	struct sigaction stuck = { .sa_handler = steps_fail, .sa_flags = SA_ONSTACK };

	CHECK_EQ(sigaction(SIGTRAP, &trap, NULL), 0);
	CHECK_EQ(sigaction(SIGALRM, &stuck, NULL), 0);
	gd__os_filter = steps_filter;
	gd__options.hog_ms = 0;
	fake_clock_install();
	gd_set_procs(2);
	CHECK_EQ(gd_run(steps_main, pair), GD_OK);
}

#endif
