/* link: gdetect_detect gdetect */
/*
 * Our malloc family as a program with the leak detector alone has it: no notes, blocks as jemalloc
 * makes them, and nothing of what was there before in what the record counts as theirs.
 */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>

#include "detector/common/heap.h"
#include "tests/support/child.h"
#include "tests/support/unit.h"

static size_t record_of(const void *p)
{
	struct gd__block b;

	CHECK(gd__heap_find((uintptr_t)p, &b));
	CHECK_EQ(b.start, (uintptr_t)p);
	return b.size;
}

CASE(small_blocks_have_their_room)
{
	for (size_t n = 0; n < 300000; n = n * 2 + 1) {
		char *p = malloc(n), *z = calloc(n, 1);

		CHECK(p && z && p != z);
		CHECK_EQ((uintptr_t)p % 16, 0);
		CHECK_EQ((uintptr_t)z % 16, 0);
		CHECK(malloc_usable_size(p) >= n);
		CHECK(malloc_usable_size(p) <= n + n / 4 + 16);
		CHECK_EQ(malloc_usable_size(p), record_of(p));
		CHECK(n < 20000 || record_of(p) == n);
		memset(p, 0x5a, malloc_usable_size(p));
		for (size_t i = 0; i < n; i++)
			CHECK_EQ(z[i], 0);
		free(p);
		free(z);
	}
}

/* A pointer that a block's last owner left behind must not keep anything alive. */
CASE(slack_is_empty)
{
	for (size_t n = 1; n < 14000; n += n / 5 + 1) {
		size_t room = malloc_usable_size(malloc(n));
		unsigned char *p[100];

		for (int round = 0; round < 2; round++) {
			for (int i = 0; i < 100; i++) {
				p[i] = round ? malloc(n) : malloc(room);
				for (size_t k = (n + 7) & ~(size_t)7; round && k < room; k++)
					CHECK_EQ(p[i][k], 0);
				memset(p[i], 0xff, room);
			}
			for (int i = 0; i < 100; i++)
				free(p[i]);
		}
	}
}

CASE(shrunk_block_gives_up_its_tail)
{
	unsigned char *p = malloc(112);

	memset(p, 0xff, 112);
	volatile size_t less = 99;
	unsigned char *q = realloc(p, less);

	CHECK(p == q);
	CHECK_EQ(q[98], 0xff);
	volatile unsigned char *tail = q;

	for (int i = 104; i < 112; i++)
		CHECK_EQ(tail[i], 0);
	free(q);
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
		CHECK(record_of(p) >= n);
		for (size_t i = 0; i < (old < n ? old : n); i += 13)
			CHECK_EQ(p[i], (unsigned char)i);
		for (size_t i = 0; i < n; i++)
			p[i] = (unsigned char)i;
	}
	CHECK(realloc(p, 0) == NULL);
}

CASE(alignments)
{
	for (size_t align = 1; align <= (size_t)1 << 22; align *= 2) {
		char *p = memalign(align, 100), *q = NULL;

		CHECK_EQ((uintptr_t)p % align, 0);
		CHECK(record_of(p) >= 100);
		CHECK_EQ(posix_memalign((void **)&q, 2 * sizeof(void *) > align ? 16 : align, 0),
			 0);
		CHECK(record_of(q) < 100000);
		memset(p, 7, 100);
		p = realloc(p, 20000);
		CHECK_EQ(record_of(p), 20000);
		CHECK_EQ(p[99], 7);
		p = realloc(p, 1000);
		CHECK_EQ(p[99], 7);
		free(p);
		free(q);
	}
}

CASE(refuses_what_is_too_much)
{
	volatile size_t huge = SIZE_MAX;

	for (volatile size_t n = huge; n > SIZE_MAX / 2; n -= SIZE_MAX / 16) {
		void *(*volatile ask)(size_t) = malloc;
		void *p = ask(n);

		CHECK(p == NULL);
		CHECK_EQ(errno, ENOMEM);
		errno = 0;
	}
}

static char *volatile victim;
static char *volatile wild;

static void free_twice_small(void)
{
	victim = malloc(10);
	free(victim);
	free(victim);
}

static void free_twice(void)
{
	victim = malloc(100);
	free(victim);
	free(victim);
}

static void free_inside_small(void)
{
	victim = malloc(40);
	wild = victim + 16;
	free(wild);
}

static void free_inside(void)
{
	victim = malloc(100);
	wild = victim + 32;
	free(wild);
}

static void free_far_inside(void)
{
	victim = malloc(100000);
	wild = victim + 50000;
	free(wild);
}

CASE(misuse_is_fatal)
{
	static void (*const twice[])(void) = { free_twice_small, free_twice };
	static void (*const inside[])(void) = { free_inside_small, free_inside, free_far_inside };
	static struct child c;

	for (size_t i = 0; i < 2; i++) {
		child_run(&c, twice[i]);
		CHECK_EQ(c.code, 2);
		CHECK_HAS(c.text, "no live block begins there: freed twice, or never allocated");
	}
	for (size_t i = 0; i < 3; i++) {
		child_run(&c, inside[i]);
		CHECK_EQ(c.code, 2);
		CHECK_HAS(c.text, "not the start of a block: it lies");
	}
}

static void *give(void *arg)
{
	for (int i = 0; i < 1000; i++)
		free(((char **)arg)[i]);
	return NULL;
}

CASE(another_thread_frees)
{
	static char *p[1000];
	uint64_t blocks, after, bytes;
	pthread_t t;

	gd__heap_totals(&blocks, &bytes);
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < 1000; i++)
			p[i] = malloc(((size_t)i * 37 + (size_t)round) % 3000);
		CHECK_EQ(pthread_create(&t, NULL, give, p), 0);
		pthread_join(t, NULL);
	}
	gd__heap_totals(&after, &bytes);
	CHECK(after < blocks + 100); /* threads leave a little behind in libc */
}

UNIT_MAIN
