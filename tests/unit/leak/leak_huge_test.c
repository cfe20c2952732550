/* leak_huge_test.c - what is put together to large pages, and what had better not be. */
#include "detector/leak/leak_huge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <gdetect/gdetect.h>

#include "tests/support/unit.h"

#define AREA  ((size_t)2 << 20)
#define AREAS 40
#define PAGE  4096

/* KiB of all mappings, by a name of smaps. */
static long memory(const char *name)
{
	FILE *f = fopen("/proc/self/smaps_rollup", "r");
	char line[256];
	long kb = -1;

	CHECK(f != NULL);
	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, name, strlen(name)) == 0)
			kb = strtol(line + strlen(name) + 1, NULL, 10);
	if (f)
		fclose(f);
	return kb;
}

/* Small pages to begin with, whatever the system's choice; then the kernel may join them. */
static char *block(size_t areas, size_t stride)
{
	char *p = aligned_alloc(AREA, areas * AREA);

	CHECK(p != NULL);
	CHECK(madvise(p, areas * AREA, MADV_NOHUGEPAGE) == 0);
	for (size_t i = 0; i < areas * AREA; i += stride)
		p[i] = (char)(i / PAGE % 100 + 1);
	CHECK(madvise(p, areas * AREA, MADV_HUGEPAGE) == 0);
	return p;
}

static void skip_without(void)
{
	char *p = mmap(NULL, 2 * AREA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *area = p + (AREA - (uintptr_t)p % AREA) % AREA;
	char text[64] = "";
	FILE *f = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "r");

	if (f && !fgets(text, sizeof(text), f))
		text[0] = '\0';
	if (f)
		fclose(f);
	memset(area, 1, AREA);
	if (text[0] == '\0' || strstr(text, "[never]") || madvise(area, AREA, 25) != 0) {
		printf("skipped: the kernel does not collapse pages (MADV_COLLAPSE)\n");
		fflush(stdout);
		_exit(77);
	}
	munmap(p, 2 * AREA);
}

CASE(a_dense_heap_becomes_large_pages)
{
	skip_without();
	char *p = block(AREAS, PAGE);
	long before = memory("AnonHugePages");

	gd__leak_huge(); /* as many as there is time for */
	CHECK(memory("AnonHugePages") > before);
	for (size_t i = 0; i < AREAS * AREA; i += PAGE)
		CHECK_EQ(p[i], (char)(i / PAGE % 100 + 1));
	free(p);
}

CASE(a_sparse_heap_stays_as_it_is)
{
	skip_without();
	char *p = block(AREAS, 2 * (size_t)PAGE), *q = block(AREAS, PAGE);

	CHECK(madvise(q, AREAS * AREA, MADV_NOHUGEPAGE) == 0); /* enough, and refused */
	long before = memory("Rss");

	gd__leak_huge();
	CHECK(memory("Rss") < before + 4 * 1024);
	free(p);
	free(q);
}

CASE(a_small_heap_stays_as_it_is)
{
	char *p = block(8, PAGE);
	long before = memory("AnonHugePages");

	gd__leak_huge();
	CHECK_EQ(memory("AnonHugePages"), before);
	free(p);
}

static void on_goroutine(void *arg)
{
	gd__leak_huge();
	*(int *)arg = 1;
}

CASE(on_a_goroutine)
{
	char *p = block(AREAS, PAGE);
	int done = 0;

	CHECK_EQ(gd_run(on_goroutine, &done), 0);
	CHECK_EQ(done, 1);
	free(p);
}

UNIT_MAIN
