/*
 * leak_huge.c - asks the kernel to collapse the parts of the heap that are nearly all in memory.
 *
 * MADV_COLLAPSE (Linux 6.1) copies 2 MiB at a time with the address space locked: a thread that
 * touches them or maps memory waits for that one copy. What the program writes to while a copy of
 * it judges falls apart into small pages again; so each check does this anew.
 */
#include "detector/leak/leak_huge.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <gdetect/go.h>

#include "detector/common/heap.h"
#include "runtime/base/os_linux.h"
#include "runtime/inspect/inspect.h"

#ifndef MADV_COLLAPSE
#	define MADV_COLLAPSE 25
#endif

#define AREA        ((uint64_t)2 << 20)
#define DENSE_PAGES (AREA / GD__PAGE * 15 / 16)
/* Below, the fork takes some 2 ms. */
#define LEAST_AREAS 32
/* Of one call, so that the time is looked at in between. */
#define RUN_AREAS 8
/* 256 MiB take 120 to 1000 ms (2026-11), most of it for memory that the host has to provide. */
#define LIMIT_NS INT64_C(250000000)

/* Neighbours that are to be collapsed by one call. */
struct run {
	uint64_t lo, hi;
	bool over; /* no memory */
};

static bool wanted_by_system(void)
{
	static const char file[] = "/sys/kernel/mm/transparent_hugepage/enabled";
	static const char never[] = "[never]";
	char text[64] = { 0 };
	long fd = gd__os_call(SYS_openat, AT_FDCWD, (long)file, O_RDONLY | O_CLOEXEC, 0, 0, 0);
	long n;

	if (fd < 0)
		return false;
	n = gd__os_call(SYS_read, fd, (long)text, sizeof(text), 0, 0, 0);
	gd__os_call(SYS_close, fd, 0, 0, 0, 0, 0);
	for (long i = 0; i + (long)sizeof(never) - 1 <= n; i++)
		if (gd__memcmp(text + i, never, sizeof(never) - 1) == 0)
			return false;
	return n > 0;
}

static bool dense(uint64_t area)
{
	uintptr_t lowest;

	return gd__os_resident((void *)(uintptr_t)area, AREA, &lowest) >= DENSE_PAGES;
}

static void collapse(struct run *run)
{
	if (run->hi > run->lo && gd__os_call(SYS_madvise, (long)run->lo, (long)(run->hi - run->lo),
					     MADV_COLLAPSE, 0, 0, 0) == -ENOMEM)
		run->over = true;
	run->lo = run->hi = 0;
}

static void add(struct run *run, uint64_t area)
{
	if (area != run->hi || run->hi - run->lo >= RUN_AREAS * AREA)
		collapse(run);
	if (run->lo == 0)
		run->lo = area;
	run->hi = area + AREA;
}

static bool enough(void)
{
	size_t n = 0;

	for (uint64_t at = 0; n < LEAST_AREAS && gd__heap_next(&at); at += AREA)
		n += dense(at);
	return n >= LEAST_AREAS;
}

static void collapse_heap(void)
{
	int64_t end = gd__os_now() + LIMIT_NS;
	struct run run = { 0 };

	for (uint64_t at = 0; gd__heap_next(&at); at += AREA) {
		if (run.over || gd__os_now() > end)
			return;
		if (dense(at))
			add(&run, at);
	}
	collapse(&run);
}

void gd__leak_huge(void)
{
	bool goroutine = gd__inspect_self() != 0;

	if (!enough() || !wanted_by_system())
		return;
	if (goroutine)
		gd_syscall_enter();
	collapse_heap();
	if (goroutine)
		gd_syscall_exit();
}
