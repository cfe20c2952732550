/*
 * race_case.h - cases of the race detector on goroutines.
 *
 *     RACE(div)                    the case race_div: all up to the next RACE or NORACE
 *     FIRST(race_div)
 *     {
 *             USE(x / 3);          (beside it the comment "race")
 *     }
 *     SECOND(race_div)
 *     {
 *             x = 1;               (beside it the comment "race")
 *     }
 *
 * FIRST runs in a goroutine and is over before SECOND begins in main's, but nothing
 * that a detector sees says so. With GD_CASE_REVERSED set SECOND comes first.
 * LEFT and RIGHT are the same two goroutines running freely; they order
 * themselves with DONE and AFTER. MAIN is a case that starts its own.
 *
 * Variables are not static: a compiler drops stores to what nobody else can read.
 */
#ifndef GD_TESTS_CONFORMANCE_RACE_RACE_CASE_H
#define GD_TESTS_CONFORMANCE_RACE_RACE_CASE_H

#include "tests/support/conform.h"

/* A file defines it: makes what its cases use, before any goroutine starts. */
static void set_up(void);

/* Steps of a case: DONE() ends one, AFTER(n) waits until n have ended. No edge is seen. */
static struct barrier case_steps __attribute__((unused));
#define DONE()   barrier_post(&case_steps)
#define AFTER(n) barrier_await_go(&case_steps, (n))

/* Reads the value, whatever its type, where the compiler cannot drop it. */
#define USE(v)                                                                                     \
	do {                                                                                       \
		__typeof__(v) use_value = (v);                                                     \
		__asm__ volatile("" : : "r"(&use_value) : "memory");                               \
	} while (0)

/* The compiler must take all that p leads to for read and written. */
#define ESCAPE(p) __asm__ volatile("" : : "r"(p) : "memory")

/* Hides from the compiler what v is, so that it computes with it at run time. */
#define OPAQUE(v)                                                                                  \
	__extension__({                                                                            \
		__typeof__(1 ? (v) : (v)) opaque_value = (v);                                      \
		__asm__ volatile("" : "+r"(opaque_value));                                         \
		opaque_value;                                                                      \
	})

#define NOINLINE __attribute__((noinline))

static gd_waitgroup case_goroutines __attribute__((unused));

struct spawned_args {
	void (*run)(void);
};

static void spawned(struct spawned_args *a)
{
	a->run();
	gd_waitgroup_done(&case_goroutines);
}

/* Starts run in a goroutine that join() waits for. */
__attribute__((unused)) static void spawn(void (*run)(void))
{
	gd_waitgroup_add(&case_goroutines, 1);
	gd_go(spawned, .run = run);
}

__attribute__((unused)) static void join(void)
{
	gd_waitgroup_wait(&case_goroutines);
}

struct pair_spawned_args {
	void (*run)(void);
	uint32_t after; /* steps that come before */
};

static void pair_runs(void (*run)(void), uint32_t after)
{
	AFTER(after);
	run();
	DONE();
}

static void pair_spawned(struct pair_spawned_args *a)
{
	pair_runs(a->run, a->after);
	gd_waitgroup_done(&case_goroutines);
}

__attribute__((unused)) static void pair_ordered(void (*first)(void), void (*second)(void))
{
	uint32_t reversed = getenv("GD_CASE_REVERSED") != NULL;

	set_up();
	gd_waitgroup_add(&case_goroutines, 1);
	gd_go(pair_spawned, .run = first, .after = reversed);
	pair_runs(second, !reversed);
	join();
}

__attribute__((unused)) static void pair_free(void (*left)(void), void (*right)(void))
{
	set_up();
	spawn(left);
	right();
	join();
}

#define RACE(name)   static const char case_race_##name[] = "race_" #name;
#define NORACE(name) static const char case_norace_##name[] = "norace_" #name;
/* The race is reported, and then the program dies of a misuse. */
#define RACEFATAL(name) static const char case_racefatal_##name[] = "racefatal_" #name;

#define CASE__ENTRY(name_, run_)                                                                   \
	static struct unit_case unit_case_##name_ = { case_##name_, run_ };                        \
	static struct unit_case *const unit_ptr_##name_                                            \
		__attribute__((section("unit_cases"), used)) = &unit_case_##name_;

#define CASE__PAIR(name_, first_, second_, how_)                                                   \
	static void second_(void);                                                                 \
	static void run_##name_(void)                                                              \
	{                                                                                          \
		how_(first_, second_);                                                             \
	}                                                                                          \
	CASE__ENTRY(name_, run_##name_)                                                            \
	static void second_(void)

#define FIRST(name)  static void first_##name(void)
#define SECOND(name) CASE__PAIR(name, first_##name, second_##name, pair_ordered)
#define LEFT(name)   static void left_##name(void)
#define RIGHT(name)  CASE__PAIR(name, left_##name, right_##name, pair_free)
#define MAIN(name)                                                                                 \
	static void main_##name(void);                                                             \
	static void run_##name(void)                                                               \
	{                                                                                          \
		set_up();                                                                          \
		main_##name();                                                                     \
	}                                                                                          \
	CASE__ENTRY(name, run_##name)                                                              \
	static void main_##name(void)

#endif
