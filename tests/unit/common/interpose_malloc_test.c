/* link: gdetect_detect gdetect */
/*
 * Our malloc family: what C and POSIX promise, what the heap records of it,
 * what listeners hear, and how misuse ends.
 */
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>

#include "detector/common/depot.h"
#include "detector/common/heap.h"
#include "detector/common/interpose.h"
#include "runtime/inspect/anchor.h"
#include "runtime/inspect/traceback.h"
#include "tests/support/unit.h"

const char gd__heap_wants_notes = 1;

static void *early;

/* As early as a program may ask for. */
__attribute__((constructor(101), noinline)) static void allocate_early(void)
{
	early = malloc(33);
}

CASE(works_in_constructors)
{
	struct gd__block b;

	CHECK(gd__heap_find((uintptr_t)early + 32, &b));
	CHECK_EQ(b.size, 33);
	free(early);
}

CASE(dumps_lead_to_the_records)
{
	CHECK_EQ(gd__anchor.heap_root, gd__heap_root());
	CHECK_EQ(gd__anchor.depot_root, gd__depot_root());
}

CASE(libc_uses_ours)
{
	struct gd__block b;
	char *volatile copy = strdup("a text");
	char *line = NULL;

	CHECK(gd__heap_find((uintptr_t)copy, &b));
	CHECK_EQ(b.size, 7);
	free(copy);
	CHECK(asprintf(&line, "%d", 5) == 1);
	CHECK(gd__heap_find((uintptr_t)line, &b));
	free(line);
	CHECK(dlsym(RTLD_DEFAULT, "no_such_symbol_anywhere") == NULL); /* dlerror allocates */
}

CASE(sizes_and_contents)
{
	for (size_t n = 0; n < 300000; n = n * 2 + 1) {
		char *p = malloc(n), *z = calloc(n, 1);

		CHECK(p && z && p != z);
		CHECK_EQ((uintptr_t)p % 16, 0);
		CHECK_EQ((uintptr_t)z % 16, 0);
		CHECK_EQ(malloc_usable_size(p), n);
		memset(p, 0x5a, n);
		for (size_t i = 0; i < n; i++)
			CHECK_EQ(z[i], 0);
		free(p);
		free(z);
	}
}

CASE(realloc_keeps_contents)
{
	size_t n = 1;
	unsigned char *p = malloc(n);

	p[0] = 0;
	for (int step = 0; step < 400; step++) {
		size_t old = n;

		n = step % 5 == 4 ? n / 3 + 1 : n + n / 7 + 3;
		if (n > 5000000)
			n = 100;
		p = realloc(p, n);
		CHECK_EQ(malloc_usable_size(p), n);
		for (size_t i = 0; i < (old < n ? old : n); i += 13)
			CHECK_EQ(p[i], (unsigned char)i);
		for (size_t i = 0; i < n; i++)
			p[i] = (unsigned char)i;
	}
	CHECK(realloc(p, 0) == NULL);
	p = realloc(NULL, 10);
	CHECK_EQ(malloc_usable_size(p), 10);
	free(p);
}

CASE(alignments)
{
	for (size_t align = 1; align <= (size_t)1 << 22; align *= 2) {
		void *p = NULL, *q = memalign(align, 100), *r = aligned_alloc(align, 50);
		struct gd__block b;

		CHECK_EQ(posix_memalign(&p, align, 77), align < sizeof(void *) ? EINVAL : 0);
		CHECK_EQ((uintptr_t)p % align, 0);
		CHECK_EQ((uintptr_t)q % align, 0);
		CHECK_EQ((uintptr_t)r % align, 0);
		CHECK(gd__heap_find((uintptr_t)q + 99, &b));
		CHECK_EQ(b.start, (uintptr_t)q);
		q = realloc(q, 5000);
		CHECK_EQ(malloc_usable_size(q), 5000);
		free(p);
		free(q);
		free(r);
	}
	void *p = valloc(1), *q = pvalloc(1);

	CHECK_EQ((uintptr_t)p % 4096, 0);
	CHECK_EQ(malloc_usable_size(q), 4096);
	free(p);
	free(q);
}

/* volatile: compilers take an unused block for one that exists. */
#define CHECK_REFUSED(call, code)                                                                  \
	do {                                                                                       \
		errno = 0;                                                                         \
		void *volatile got = (call);                                                       \
		CHECK(got == NULL);                                                                \
		CHECK_EQ(errno, code);                                                             \
	} while (0)

CASE(refuses_what_is_too_much)
{
	volatile size_t huge = SIZE_MAX, half = SIZE_MAX / 2 + 2, three = 3;
	void *p = &p;

	CHECK_REFUSED(malloc(huge), ENOMEM);
	CHECK_REFUSED(calloc(half, 2), ENOMEM);
	CHECK_REFUSED(reallocarray(NULL, half, 2), ENOMEM);
	CHECK_EQ(posix_memalign(&p, 64, huge - 8), ENOMEM);
	CHECK(p == &p);
	CHECK_REFUSED(memalign(three, 8), EINVAL);
	char *volatile q = malloc(8);

	CHECK_REFUSED(realloc(q, huge), ENOMEM);
	errno = 7;
	free(q);
	CHECK_EQ(errno, 7);
}

__attribute__((noinline)) static void *allocate_here(size_t n)
{
	void *p = malloc(n);

	__asm__ volatile("" : "+r"(p));
	return p;
}

CASE(block_knows_its_allocation)
{
	uintptr_t pcs[GD__DEPOT_FRAMES];
	struct gd__block b;
	struct gd__symbol s;
	char *p = allocate_here(10);

	CHECK(gd__heap_find((uintptr_t)p, &b));
	size_t n = gd__depot_get(b.stack, pcs, GD__DEPOT_FRAMES);

	CHECK(n >= 3);
	CHECK(n <= 12);
	CHECK(gd__symbolize(pcs[0], true, 0, &s));
	CHECK_STR(s.function, "allocate_here");
	CHECK_EQ(b.goid, 0);
	free(p);
}

/* What the listener heard. */
static struct {
	char kind;
	void *p;
	size_t n;
} heard[16];
static size_t nheard;

static void hear(char kind, void *p, size_t n)
{
	if (nheard < 16) {
		heard[nheard].kind = kind;
		heard[nheard].p = p;
		heard[nheard++].n = n;
	}
}

static void hear_alloc(void *p, size_t n, uintptr_t pc)
{
	hear('a', p, n);
}

static void hear_free(void *p, size_t n, uintptr_t pc)
{
	hear('f', p, n);
}

static void expect(size_t i, char kind, const void *p, size_t n)
{
	CHECK(i < nheard);
	CHECK_EQ(heard[i].kind, kind);
	CHECK(heard[i].p == p);
	CHECK_EQ(heard[i].n, n);
}

CASE(listener_hears_all)
{
	static const struct gd__heap_events events = { .alloc = hear_alloc, .free = hear_free };

	gd__heap_events_install(&events);
	char *volatile p = malloc(20);
	char *volatile q = realloc(p, 100000);
	char *volatile r = realloc(q, 99990);

	free(r);
	gd__heap_events_install(NULL);
	expect(0, 'a', p, 20);
	expect(1, 'a', q, 100000);
	expect(2, 'f', p, 20);
	CHECK(q == r); /* in place: the tail goes */
	expect(3, 'f', r + 99990, 10);
	expect(4, 'f', r, 99990);
	CHECK_EQ(nheard, 5);
}

/* Runs fn in a child; its exit code, and the start of its stderr in text. */
static int run_child(void (*fn)(void), char *text, size_t n)
{
	int status, out[2];
	size_t len = 0;
	ssize_t r;

	CHECK_EQ(pipe(out), 0);
	pid_t pid = fork();

	if (pid == 0) {
		dup2(out[1], 2);
		fn();
		_exit(0);
	}
	close(out[1]);
	while (len + 1 < n && (r = read(out[0], text + len, n - 1 - len)) > 0)
		len += (size_t)r;
	text[len] = '\0';
	close(out[0]);
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static char *volatile victim;
static char *volatile wild;

__attribute__((noinline)) static void free_twice(void)
{
	victim = malloc(10);
	free(victim);
	free(victim);
	__asm__ volatile(""); /* no tail call */
}

static void free_interior(void)
{
	victim = malloc(100);
	wild = victim + 32;
	free(wild);
}

static void free_stack(void)
{
	long local[4];

	wild = (char *)&local[2];
	free(wild);
}

static void realloc_freed(void)
{
	victim = malloc(100);
	free(victim);
	victim = realloc(victim, 10);
}

static void free_unaligned(void)
{
	victim = malloc(100);
	wild = victim + 3;
	free(wild);
}

CASE(double_free_is_fatal)
{
	char text[4096];

	CHECK_EQ(run_child(free_twice, text, sizeof(text)), 2);
	CHECK_HAS(text, "fatal error: free(");
	CHECK_HAS(text, "no live block begins there: freed twice, or never allocated");
	CHECK_EQ(run_child(realloc_freed, text, sizeof(text)), 2);
	CHECK_HAS(text, "fatal error: realloc(");
}

CASE(wild_free_is_fatal)
{
	char text[4096];

	CHECK_EQ(run_child(free_interior, text, sizeof(text)), 2);
	CHECK_HAS(text, "it lies 32 bytes inside a block of 100 bytes");
	CHECK_EQ(run_child(free_stack, text, sizeof(text)), 2);
	CHECK_HAS(text, "no live block begins there");
	CHECK_EQ(run_child(free_unaligned, text, sizeof(text)), 2);
	CHECK_HAS(text, "it lies 3 bytes inside");
}

CASE(fatal_error_shows_where)
{
	char text[4096];

	run_child(free_twice, text, sizeof(text));
	CHECK_HAS(text, "free_twice");
	CHECK_HAS(text, "interpose_malloc_test.c:");
}

/* Threads: tokens, ends, the registry. */
static _Atomic int starts, ends;
static int a_token;

static void *hear_create(uintptr_t pc, uintptr_t entry)
{
	return &a_token;
}

static void hear_failed(void *token)
{
}

static void hear_start(void *token)
{
	starts += token == &a_token;
}

static void hear_end(void *token)
{
	ends += token == &a_token;
}

static void *exits(void *arg)
{
	if (arg)
		pthread_exit(arg);
	return NULL;
}

static bool walk_has(int32_t tid, uintptr_t sp)
{
	struct gd__thread_info t;

	for (size_t i = 0; gd__thread_walk(i, &t); i++)
		if (t.tid == tid && t.stack_lo < sp && sp < t.stack_hi)
			return true;
	return false;
}

static void *looks_at_itself(void *arg)
{
	int local;

	CHECK(gd__thread_is_foreign());
	CHECK(walk_has(gettid(), (uintptr_t)&local));
	CHECK(gd__thread_token(pthread_self()) == &a_token);
	return NULL;
}

CASE(threads_are_known)
{
	static const struct gd__thread_events events = { hear_create, hear_failed, hear_start,
							 hear_end };
	void *(*const fns[3])(void *) = { exits, exits, looks_at_itself };
	pthread_t t;

	gd__thread_events_install(&events);
	for (uintptr_t i = 0; i < 600; i++) {
		CHECK_EQ(pthread_create(&t, NULL, fns[i % 3], (void *)(i % 3)), 0);
		CHECK(gd__thread_token(t) == &a_token);
		pthread_join(t, NULL);
	}
	CHECK_EQ(starts, 600);
	CHECK_EQ(ends, 600);
	CHECK(!gd__thread_is_foreign());
	CHECK(!walk_has(gettid(), (uintptr_t)&t));
}

UNIT_MAIN
