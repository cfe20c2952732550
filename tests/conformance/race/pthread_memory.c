/* pthread_memory.c - accesses that libc makes for the program, and the heap. */
#include "tests/conformance/race/pthread_case.h"

#include <sys/mman.h>

/* Not static: what nobody reads would be optimised away. */
char buffer[512], source[512];
struct big {
	char bytes[256];
} big1, big2;
char *block;
size_t length;

static void *sets(void *arg)
{
	memset(buffer, 1, 256);
	STEP_DONE();
	return arg;
}

static void *touches(void *arg)
{
	STEP_AFTER(1);
	buffer[200] = 1;
	return arg;
}

static void *touches_beyond(void *arg)
{
	STEP_AFTER(1);
	buffer[256] = 1;
	return arg;
}

CASE(race_memset)
{
	both(sets, touches, NULL);
}

CASE(norace_memset_beside)
{
	both(sets, touches_beyond, NULL);
}

static void *copies(void *size)
{
	memcpy(buffer, source, *(size_t *)size);
	STEP_DONE();
	return NULL;
}

static void *writes_source(void *size)
{
	STEP_AFTER(1);
	source[*(size_t *)size - 1] = 1;
	return NULL;
}

CASE(race_memcpy_source)
{
	size_t n = 100;

	both(copies, writes_source, &n); /* expect: Previous read of size */
}

CASE(norace_memcpy_source)
{
	size_t n = 100, m = 101;
	pthread_t a, b;

	pthread_create(&a, NULL, copies, &n);
	pthread_create(&b, NULL, writes_source, &m);
	pthread_join(a, NULL);
	pthread_join(b, NULL);
}

static void *copies_struct(void *arg)
{
	big1 = big2;
	STEP_DONE();
	return arg;
}

static void *touches_struct(void *arg)
{
	STEP_AFTER(1);
	big2.bytes[255] = 1;
	return arg;
}

CASE(race_struct_copy)
{
	both(copies_struct, touches_struct, NULL);
}

static void *measures(void *arg)
{
	length = strlen(source);
	STEP_DONE();
	return arg;
}

static void *writes_text(void *arg)
{
	STEP_AFTER(1);
	stpcpy(source, "text");
	return arg;
}

CASE(race_string)
{
	both(measures, writes_text, NULL);
}

static void *formats(void *arg)
{
	snprintf(buffer, sizeof(buffer), "%d", 12345);
	STEP_DONE();
	return arg;
}

static void *reads_text(void *arg)
{
	STEP_AFTER(1);
	length = (size_t)buffer[3];
	return arg;
}

static void *reads_behind_text(void *arg)
{
	STEP_AFTER(1);
	length = (size_t)buffer[6];
	return arg;
}

CASE(race_snprintf)
{
	both(formats, reads_text, NULL);
}

CASE(norace_snprintf_ends)
{
	both(formats, reads_behind_text, NULL);
}

static void *uses_block(void *arg)
{
	block[5] = 1;
	STEP_DONE();
	return arg;
}

static void *frees_block(void *arg)
{
	STEP_AFTER(1);
	free(block);
	return arg;
}

CASE(race_free_while_used)
{
	block = malloc(40);
	both(uses_block, frees_block, NULL); /* expect: which gave the memory back */
}

static void *frees_first(void *arg)
{
	free(block);
	STEP_DONE();
	return arg;
}

static void *uses_freed(void *arg)
{
	STEP_AFTER(1);
	((volatile char *)block)[5] = 1;
	return arg;
}

CASE(race_use_after_free)
{
	block = malloc(40);
	both(frees_first, uses_freed, NULL); /* expect: heap-use-after-free */
}

static void *writes_heap(void *arg)
{
	STEP_AFTER(1);
	block[5] = 1;
	return arg;
}

CASE(race_heap)
{
	block = malloc(40);                  /* expect: Location is heap block of size 40 */
	both(uses_block, writes_heap, NULL); /* expect: pthread_memory\.c */
	free(block);
}

/* A block that is handed out again is new memory. */
static void *allocates(void *arg)
{
	for (int i = 0; i < 2000; i++) {
		size_t n = 16 + (size_t)(i % 100) * 24;
		char *volatile p = malloc(n);

		p[n - 1] = 1;
		p = realloc(p, n * 3);
		p[n * 3 - 1] = 2;
		free(p);
		p = calloc(1, n);
		CHECK(p[n - 1] == 0);
		free(p);
	}
	return arg;
}

CASE(norace_heap_reused)
{
	for (int i = 0; i < 4; i++)
		both(allocates, allocates, NULL);
}

/* Freed by another thread than allocated it, in order. */
static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
static void *gives(void *arg)
{
	char *p = malloc(100);

	p[99] = 3;
	pthread_mutex_lock(&m);
	block = p;
	pthread_mutex_unlock(&m);
	STEP_DONE();
	return arg;
}

static void *takes_and_frees(void *arg)
{
	STEP_AFTER(1);
	pthread_mutex_lock(&m);
	char *p = block;

	pthread_mutex_unlock(&m);
	CHECK_EQ(p[99], 3);
	free(p);
	return arg;
}

CASE(norace_handed_over)
{
	both(gives, takes_and_frees, NULL);
}

static void *maps(void *arg)
{
	char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED);
	p[100] = 1;
	munmap(p, 8192);
	STEP_DONE();
	return arg;
}

static void *maps_after(void *arg)
{
	STEP_AFTER(1);
	return maps(arg);
}

CASE(norace_mapped_again)
{
	both(maps, maps_after, NULL);
}

UNIT_MAIN
