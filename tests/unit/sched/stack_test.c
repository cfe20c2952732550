/* link: gdetect */
/*
 * stack_test.c - guards as the kernel gives them, canaries where it gives none, reuse, trimming,
 * how deep a stack went. Kernels without this or that are made by a filter of system calls.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <gdetect/gdetect.h>

#include "runtime/base/os_linux.h"
#include "runtime/sched/state.h"
#include "tests/support/child.h"
#include "tests/support/unit.h"

#ifdef UNIT_ASAN /* leaves cases out: its frames are larger, its shadow is memory, too */
#	pragma GCC diagnostic ignored "-Wunused-function"
#endif

#define ADVICE_GUARD 102 /* MADV_GUARD_INSTALL */

static size_t frame; /* bytes of one of deep() */
static void measure_frame(void);

static void run(void (*start)(void *))
{
	measure_frame();
	CHECK_EQ(gd_set_procs(1), GD_OK);
	CHECK_EQ(gd_run(start, NULL), GD_OK);
}

/* From here on the system call nr fails with error if its argument arg is value. */
static void refuse(int nr, int arg, uint32_t value, int error)
{
	uint32_t at = (uint32_t)(offsetof(struct seccomp_data, args) + (size_t)arg * 8);
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { sizeof(code) / sizeof(code[0]), code };

	CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	CHECK_EQ(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter), 0);
}

static void refuse_batches(void)
{
	refuse(SYS_process_madvise, 3, ADVICE_GUARD, EPERM);
}

/* A kernel before 6.13. */
static void refuse_guards(void)
{
	refuse_batches();
	refuse(SYS_madvise, 2, ADVICE_GUARD, EINVAL);
}

/* The first stack's guard comes from mprotect, further ones not at all. */
static void refuse_all(void)
{
	refuse_guards();
	refuse(SYS_mprotect, 1, 4 * GD__PAGE, ENOMEM);
}

/* Mappings of a guard's size and rights. */
static int guard_mappings(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	char line[512];
	unsigned long lo, hi;
	int n = 0;

	CHECK(f != NULL);
	while (fgets(line, sizeof(line), f))
		n += sscanf(line, "%lx-%lx ---p", &lo, &hi) == 2 && strstr(line, "---p") &&
		     hi - lo == 4 * GD__PAGE;
	fclose(f);
	return n;
}

static void nothing(void *arg)
{
	(void)arg;
	gd_select_none();
}

static int expect_mappings;

static void start_counting(void *arg)
{
	(void)arg;
	for (int i = 0; i < 100; i++)
		gd_go_fn(nothing, NULL);
	gd_yield();
	CHECK(expect_mappings ? guard_mappings() >= 100 : guard_mappings() < 100);
}

static uintptr_t deepest;

static int __attribute__((noinline)) deep(int n)
{
	volatile char pad[512];

	pad[0] = (char)n;
	deepest = (uintptr_t)pad;
	if (n > 0)
		n = deep(n - 1) + 1;
	return n + pad[0] * 0;
}

static void measure_frame(void)
{
	uintptr_t one;

	deep(1);
	one = deepest;
	deep(2);
	frame = one - deepest;
}

static void overflow(void *arg)
{
	(void)arg;
	deep(100000000);
}

static void start_overflow(void *arg)
{
	start_counting(arg);
	gd_go_fn(overflow, NULL);
	gd_select_none();
}

static void (*prepare)(void);

static void overflow_child(void)
{
	prepare();
	run(start_overflow);
}

static void no_change(void)
{
}

static void check_guarded(void (*before)(void), int mappings)
{
	struct child c;

	prepare = before;
	expect_mappings = mappings;
	child_run(&c, overflow_child);
	CHECK_EQ(c.code, 2);
	CHECK_HAS(c.text, "fatal error: stack overflow: goroutine 102 (overflow)");
	CHECK(!strstr(c.text, "have no guard"));
}

CASE(guards_in_one_call_one_by_one_or_by_mprotect)
{
	check_guarded(no_change, 0);
	check_guarded(refuse_batches, 0);
	check_guarded(refuse_guards, 1);
}

/* Some 10 KiB too many: within what would be the guard. */
static void __attribute__((noinline)) exceed(void)
{
	uintptr_t room = (uintptr_t)__builtin_frame_address(0) - gd__self()->stack_lo;

	deep((int)((room + 10000) / frame));
}

static void exceed_and_park(void *arg)
{
	(void)arg;
	exceed();
	gd_yield();
	CHECK(!"not found");
}

static void exceed_and_end(void *arg)
{
	(void)arg;
	exceed();
}

static void start_exceeding(void *arg)
{
	(void)arg;
	gd_go_fn(exceed_and_park, NULL);
	gd_select_none();
}

static void exceed_child(void)
{
	refuse_all();
	run(start_exceeding);
}

static void start_exceeding_and_ending(void *arg)
{
	(void)arg;
	gd_go_fn(exceed_and_end, NULL);
	gd_select_none();
}

static void end_child(void)
{
	refuse_all();
	run(start_exceeding_and_ending);
}

#ifndef UNIT_ASAN /* its frames are larger, and it sees an overflow itself */
CASE(without_guards_an_overflow_is_found_at_the_next_park_or_the_end)
{
	struct child c;

	child_run(&c, exceed_child);
	CHECK_EQ(c.code, 2);
	CHECK_HAS(c.text, "further goroutine stacks have no guard");
	CHECK_HAS(c.text,
		  "stack overflow: what lies below the stack of goroutine 2 (exceed_and_park)");
	CHECK_HAS(c.text, "goroutine 2 [running");
	CHECK_HAS(c.text, "]:\nexceed_and_park(...)");
	child_run(&c, end_child);
	CHECK_EQ(c.code, 2);
	CHECK_HAS(c.text, "stack of goroutine 2 (exceed_and_end)");
}
#endif

static void __attribute__((noinline)) use_most(void *arg)
{
	uintptr_t room = (uintptr_t)__builtin_frame_address(0) - gd__self()->stack_lo;

	(void)arg;
	deep((int)((room - 2000) / frame));
	gd_yield();
}

static void start_using_most(void *arg)
{
	(void)arg;
	for (int i = 0; i < 100; i++)
		gd_go_fn(use_most, NULL);
	while (gd_go_count() > 1)
		gd_yield();
}

static void using_most_child(void)
{
	refuse_all();
	run(start_using_most);
}

CASE(without_guards_a_deep_stack_is_fine)
{
	struct child c;

	child_run(&c, using_most_child);
	CHECK_EQ(c.code, 0);
}

static uintptr_t where[3];

static void note_stack(void *arg)
{
	where[*(int *)arg] = gd__self()->stack_lo;
}

static void start_reusing(void *arg)
{
	static int number[3] = { 0, 1, 2 };

	(void)arg;
	gd_go_fn(nothing, NULL);
	for (int i = 0; i < 3; i++) {
		gd_go_fn(note_stack, &number[i]);
		while (gd_go_count() > 2)
			gd_yield();
	}
	CHECK_EQ(where[0], where[1]);
	CHECK_EQ(where[1], where[2]);
}

CASE(the_stack_that_ended_last_is_used_next)
{
	run(start_reusing);
}

static size_t resident_kib(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	unsigned long size, pages;

	CHECK(f != NULL && fscanf(f, "%lu %lu", &size, &pages) == 2);
	fclose(f);
	return pages * 4;
}

static gd_waitgroup group;
static gd_chan *gate;

static void go_deep(void *arg)
{
	int v;

	(void)arg;
	deep(100); /* some 56 KiB */
	gd_chan_recv_raw(gate, &v);
	gd_waitgroup_done(&group);
}

#define DEEP 2000

static void start_trimming(void *arg)
{
	size_t full, trimmed, freed;

	(void)arg;
	gate = gd_chan_make_raw(sizeof(int), 0, "gate");
	gd_waitgroup_add(&group, DEEP);
	for (int i = 0; i < DEEP; i++)
		gd_go_fn(go_deep, NULL);
	gd_yield();
	full = resident_kib();
	CHECK(full > DEEP * 50);
	CHECK(gd_trim() < 1024 * 1024); /* all are in use, but for a few */
	gd_chan_close_raw(gate);
	gd_waitgroup_wait(&group);
	freed = gd_trim();
	trimmed = resident_kib();
	CHECK(freed > (DEEP - 300) * (size_t)50 * 1024);
	CHECK(trimmed < full - (DEEP - 300) * (size_t)50);
	CHECK(gd_trim() < 300 * (size_t)60 * 1024);

	/* The stacks are used again, and their goroutines see what they should. */
	gate = gd_chan_make_raw(sizeof(int), 0, "gate");
	gd_waitgroup_add(&group, DEEP);
	for (int i = 0; i < DEEP; i++)
		gd_go_fn(go_deep, NULL);
	gd_yield();
	gd_chan_close_raw(gate);
	gd_waitgroup_wait(&group);
}

#ifndef UNIT_ASAN /* its shadow and its quarantine are memory, too */
CASE(trim_gives_the_memory_of_free_stacks_back)
{
	run(start_trimming);
}
#endif

static size_t lazy_kib(void)
{
	FILE *f = fopen("/proc/self/smaps_rollup", "r");
	char line[256];
	unsigned long kib = 0;

	CHECK(f != NULL);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "LazyFree: %lu", &kib) == 1)
			break;
	fclose(f);
	return kib;
}

/* Nobody runs meanwhile: sysmon sleeps, but for this. */
static void start_waiting_for_sysmon(void *arg)
{
	(void)arg;
	gate = gd_chan_make_raw(sizeof(int), 0, "gate");
	gd_waitgroup_add(&group, DEEP);
	for (int i = 0; i < DEEP; i++)
		gd_go_fn(go_deep, NULL);
	gd_yield();
	gd_chan_close_raw(gate);
	gd_waitgroup_wait(&group);
	for (int i = 0; i < 100 && lazy_kib() < (DEEP - 300) * 50; i++)
		gd_sleep(100 * GD_MILLISECOND);
	CHECK(lazy_kib() >= (DEEP - 300) * 50);
	/* Then it has nothing to do and may sleep for ever. */
	for (int i = 0; i < 100 && gd__trim_due(); i++)
		gd_sleep(100 * GD_MILLISECOND);
	CHECK(!gd__trim_due());
}

#ifndef UNIT_ASAN
CASE(free_stacks_are_offered_to_the_kernel)
{
	run(start_waiting_for_sysmon);
}
#endif

static void be_deep(void *arg)
{
	int v;

	(void)arg;
	deep(150); /* some 84 KiB of 107 */
	gd_chan_recv_raw(gate, &v);
}

static void be_shallow(void *arg)
{
	int v;

	(void)arg;
	gd_go_name("shallow");
	gd_chan_recv_raw(gate, &v);
}

static void start_dumping(void *arg)
{
	(void)arg;
	gate = gd_chan_make_raw(sizeof(int), 0, "gate");
	gd_go_fn(be_deep, NULL);
	gd_go_fn(be_shallow, NULL);
	gd_yield();
	gd_stacks(2);
}

static void dump_child(void)
{
	run(start_dumping);
}

#ifndef UNIT_ASAN
CASE(a_dump_says_how_deep_a_stack_went)
{
	struct child c;

	child_run(&c, dump_child);
	CHECK_EQ(c.code, 0);
	CHECK_HAS(c.text, "goroutine 2 [chan receive labels:{\"stack\": \"");
	CHECK_HAS(c.text, " KiB\"}]:\nbe_deep(...)");
	CHECK_HAS(c.text, "goroutine 3 [chan receive labels:{\"name\": \"shallow\"}]:\n");
}

static void start_without_memory(void *arg)
{
	(void)arg;
	for (;;)
		gd_go_fn(nothing, NULL);
}

static void no_memory_child(void)
{
	struct rlimit limit = { (size_t)1 << 30, (size_t)1 << 30 };

	CHECK_EQ(setrlimit(RLIMIT_AS, &limit), 0);
	run(start_without_memory);
}

CASE(go_without_address_space_says_so)
{
	struct child c;

	if (!getenv("GDETECT_OPTIONS")) { /* read when the process begins; few fit */
		setenv("GDETECT_OPTIONS", "stack_kb=65536", 1);
		execl("/proc/self/exe", "self", "go_without_address_space_says_so", (char *)NULL);
		CHECK(!"exec failed");
	}
	child_run(&c, no_memory_child);
	CHECK_EQ(c.code, 2);
	CHECK_HAS(c.text, "fatal error: gd_go: out of memory for a goroutine stack");
}
#endif

UNIT_MAIN
