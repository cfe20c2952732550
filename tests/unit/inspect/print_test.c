/* link: gdetect_detect gdetect */
/*
 * The dump of all goroutines: many of them in little time, each as it stands, and a reader of
 * its output that has stopped reading.
 */
#include <fcntl.h>
#include <pthread.h>

#include <gdetect/gdetect.h>

#include "runtime/arch/ctx.h"
#include "runtime/base/options.h"
#include "runtime/inspect/inspect.h"
#include "runtime/inspect/memo.h"
#include "runtime/inspect/traceback.h"
#include "runtime/inspect/unwind.h"
#include "tests/support/unit.h"

/* Keeps a call from becoming a jump, so that the caller has a frame. */
#define STAY __asm__ volatile("")

#define SHAPES 6
#define EACH   40

struct shaped_args {
	gd_chan *c;
	int shape;
};

static void park(gd_chan *c)
{
	char v = 1;

	gd_chan_send_raw(c, &v);
	STAY;
}

/* The size of its frame is known at run time: its caller is found through the frame pointer. */
__attribute__((noinline)) static void with_array(gd_chan *c, int shape)
{
	volatile char *room = __builtin_alloca((size_t)shape * 16 + 16);

	room[shape] = 1;
	park(c);
	(void)room[shape];
	STAY;
}

__attribute__((noinline)) static void plain_one(gd_chan *c)
{
	park(c);
	STAY;
}

__attribute__((noinline)) static void plain_two(gd_chan *c)
{
	park(c);
	STAY;
}

static void shaped(struct shaped_args *a)
{
	switch (a->shape) {
	case 0:
		plain_one(a->c);
		break;
	case 1:
		plain_two(a->c);
		break;
	default:
		with_array(a->c, a->shape);
	}
	STAY;
}

/* Each goroutine has the stack that the unwinder gives without a memo. */
static void compare_walks(void *arg)
{
	uintptr_t plain[GD__FRAMES_MAX], again[GD__FRAMES_MAX];
	gd_chan *c = gd_chan_make_raw(1, 0, GD__SITE);
	struct gd__memo *memo = gd__memo_make();
	struct gd__runtime rt;
	struct gd__ginfo g;
	int parked = 0, known = 0;
	bool broken;

	for (int i = 0; i < SHAPES * EACH; i++)
		gd_go(shaped, .c = c, .shape = i % SHAPES);
	gd_sleep(10 * GD_MILLISECOND);
	CHECK(gd__inspect_stop());
	CHECK_EQ(gd__inspect_open(&rt, &gd__mem_self, 0), GD__INSPECT_OK);
	for (uint64_t i = 0; i < rt.ngoroutines; i++) {
		if (!gd__inspect_goroutine(&rt, i, &g, &broken) || g.state != GD__GI_WAITING)
			continue;
		struct gd__memo_start s = { g.resume_pc, g.sp, g.bp, g.stack_hi };

		known += gd__memo_find_walk(memo, &s, again) > 0;
		size_t n = gd__trace_again(memo, &rt, &g, again);

		CHECK_EQ(gd__trace_goroutine(&rt, &g, plain, GD__FRAMES_MAX), n);
		CHECK(n > 2 && memcmp(plain, again, n * sizeof(*plain)) == 0);
		parked++;
	}
	gd__inspect_start();
	gd__memo_free(memo);
	CHECK(parked >= SHAPES * EACH);
	CHECK(known >= SHAPES * EACH - 2 * SHAPES);
}

CASE(known_walks_are_those_of_the_unwinder)
{
	CHECK_EQ(gd_run(compare_walks, NULL), 0);
}

/* A stack as the memo sees it: two callers, the first with a frame pointer, and the start. */
struct fake {
	_Alignas(64) uint64_t word[64];
};

static struct gd__memo_start fake_start(struct fake *f)
{
	memset(f, 0, sizeof(*f));
	f->word[8] = (uintptr_t)&f->word[20];
	f->word[9] = 2000;
	f->word[20] = 7; /* a saved register that points nowhere */
	f->word[21] = (uintptr_t)gd__ctx_start + 10;
	return (struct gd__memo_start){ .pc = 1000,
					.sp = (uintptr_t)f->word,
					.fp = (uintptr_t)&f->word[8],
					.hi = (uintptr_t)(f->word + 64) };
}

CASE(walk_is_known_by_the_words_it_followed)
{
	static struct fake a, b;
	uintptr_t pcs[] = { 1000, 2000, (uintptr_t)gd__ctx_start + 10 }, found[GD__FRAMES_MAX];
	struct gd__memo *memo = gd__memo_make();
	struct gd__memo_start s = fake_start(&a);
	struct gd__unwind_log *log = gd__memo_log(memo);

	log->n = 3;
	log->frame[1].sp = (uintptr_t)&a.word[10];
	log->frame[1].fp_at = (uintptr_t)&a.word[8];
	log->frame[1].fp = a.word[8];
	log->frame[2].sp = (uintptr_t)&a.word[22];
	log->frame[2].fp_at = (uintptr_t)&a.word[20];
	log->frame[2].fp = a.word[20];
	gd__memo_keep_walk(memo, &s, pcs, 2); /* ends too early */
	CHECK_EQ(gd__memo_find_walk(memo, &s, found), 0);
	gd__memo_keep_walk(memo, &s, pcs, 3);
	CHECK_EQ(gd__memo_find_walk(memo, &s, found), 3);
	CHECK_EQ(memcmp(pcs, found, sizeof(pcs)), 0);

	s = fake_start(&b);
	b.word[12] = 5; /* a local variable */
	b.word[20] = 8;
	CHECK_EQ(gd__memo_find_walk(memo, &s, found), 3);
	b.word[9] = 2001;
	CHECK_EQ(gd__memo_find_walk(memo, &s, found), 0);
	s = fake_start(&b);
	b.word[8] = (uintptr_t)&b.word[22];
	CHECK_EQ(gd__memo_find_walk(memo, &s, found), 0);
	s = fake_start(&b);
	s.fp += 8;
	CHECK_EQ(gd__memo_find_walk(memo, &s, found), 0);
	s = fake_start(&b);
	s.sp += 8;
	CHECK_EQ(gd__memo_find_walk(memo, &s, found), 0);
	s = fake_start(&b);
	s.pc++;
	CHECK_EQ(gd__memo_find_walk(memo, &s, found), 0);
	gd__memo_free(memo);
}

static size_t rendered;

static void render(struct gd__out *o, const uintptr_t *pcs, size_t n)
{
	rendered++;
	for (uintptr_t i = 0; i < pcs[0]; i++)
		gd__out_fmt(o, "%lu ", (unsigned long)n);
}

static void check_text(struct gd__memo *memo, const uintptr_t *pcs, size_t n, const char *text)
{
	char buf[64];
	struct gd__out o;

	gd__out_init(&o, buf, sizeof(buf), -1);
	gd__memo_print(memo, &o, render, pcs, n);
	gd__out_flush(&o);
	CHECK_STR(buf, text);
}

CASE(text_is_made_once_unless_it_is_long)
{
	struct gd__memo *memo = gd__memo_make();
	uintptr_t pcs[2] = { 3, 1 };
	static char all[20001];
	struct gd__out o;

	check_text(memo, pcs, 2, "2 2 2 ");
	check_text(memo, pcs, 1, "1 1 1 ");
	check_text(memo, pcs, 2, "2 2 2 ");
	CHECK_EQ(rendered, 2);
	check_text(NULL, pcs, 2, "2 2 2 ");
	CHECK_EQ(rendered, 3);
	pcs[0] = 10000;
	gd__out_init(&o, all, sizeof(all), -1);
	gd__memo_print(memo, &o, render, pcs, 2);
	gd__out_flush(&o);
	CHECK_EQ(strlen(all), 20000);
	gd__memo_free(memo);
}

/* The texts of one goroutine may push each other out. */
static void render_first(struct gd__out *o, const uintptr_t *pcs, size_t n)
{
	(void)n;
	gd__out_fmt(o, "%lu", (unsigned long)pcs[0]);
}

CASE(texts_that_push_each_other_out_stay_right)
{
	struct gd__memo *memo = gd__memo_make();

	for (uintptr_t k = 0; k < 20000; k++) {
		const uintptr_t pcs[] = { k % 700 };
		char buf[64], expected[64];
		struct gd__out o;

		gd__out_init(&o, buf, sizeof(buf), -1);
		gd__memo_print(memo, &o, render_first, pcs, 1);
		gd__memo_print(memo, &o, render, (uintptr_t[]){ 1, k }, 2);
		gd__out_flush(&o);
		gd__fmt(expected, sizeof(expected), "%lu2 ", (unsigned long)(k % 700));
		CHECK_STR(buf, expected);
	}
	gd__memo_free(memo);
}

#define CROWD 300

static void make_crowd(void)
{
	gd_chan *c = gd_chan_make_raw(1, 0, GD__SITE);

	for (int i = 0; i < CROWD; i++)
		gd_go(shaped, .c = c, .shape = i % SHAPES);
	gd_sleep(10 * GD_MILLISECOND);
}

/* A pipe that takes nothing more. */
static void make_full_pipe(int fd[2])
{
	static const char bytes[4096];

	CHECK_EQ(pipe(fd), 0);
	CHECK_EQ(fcntl(fd[1], F_SETFL, O_NONBLOCK), 0);
	while (write(fd[1], bytes, sizeof(bytes)) > 0) {
	}
	CHECK_EQ(fcntl(fd[1], F_SETFL, 0), 0);
}

static void dump_to_nobody(void *arg)
{
	int fd[2];

	make_crowd();
	make_full_pipe(fd);
	gd_stacks(fd[1]);
	gd_yield(); /* the world goes on */
}

CASE(dump_is_given_up_when_nobody_reads)
{
	gd__options.dump_wait_ms = 100;
	alarm(40);
	CHECK_EQ(gd_run(dump_to_nobody, NULL), 0);
}

static void die(void *arg)
{
	gd_chan *c = gd_chan_make_raw(1, 0, GD__SITE);

	make_crowd();
	gd_chan_close_raw(c);
	gd_chan_close_raw(c);
}

/* By itself of no interest: the case below starts it. */
CASE(fatal_error_if_told)
{
	if (getenv("PRINT_TEST_DIES"))
		CHECK_EQ(gd_run(die, NULL), 0);
}

CASE(fatal_error_ends_the_process_when_nobody_reads)
{
	int fd[2], status = 0;

	make_full_pipe(fd);
	pid_t child = fork();

	if (child == 0) {
		alarm(40);
		dup2(fd[1], 2);
		setenv("PRINT_TEST_DIES", "1", 1);
		setenv("GDETECT_OPTIONS", "dump_wait_ms=100", 1);
		execl("/proc/self/exe", "print_test", "fatal_error_if_told", (char *)NULL);
		_exit(99);
	}
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK(WIFEXITED(status));
	CHECK_EQ(WEXITSTATUS(status), 2);
}

static size_t read_slowly_headers;

static void *read_slowly(void *arg)
{
	static char text[1 << 20];
	size_t n = 0;
	ssize_t r;

	while ((r = read(*(int *)arg, text + n, 700)) > 0)
		n += (size_t)r;
	text[n] = '\0';
	for (const char *at = text; (at = strstr(at, "goroutine ")) != NULL; at++)
		read_slowly_headers += at == text || at[-1] == '\n';
	return NULL;
}

static void dump_to_slow_reader(void *arg)
{
	make_crowd();
	gd_stacks(*(int *)arg);
}

CASE(slow_reader_gets_all_through_a_descriptor_that_does_not_block)
{
	int fd[2];
	pthread_t t;

	CHECK_EQ(pipe(fd), 0);
	CHECK_EQ(fcntl(fd[1], F_SETFL, O_NONBLOCK), 0);
	CHECK_EQ(pthread_create(&t, NULL, read_slowly, &fd[0]), 0);
	CHECK_EQ(gd_run(dump_to_slow_reader, &fd[1]), 0);
	close(fd[1]);
	pthread_join(t, NULL);
	CHECK_EQ(read_slowly_headers, CROWD + 1);
}

UNIT_MAIN
