/*
 * interpose_map.c - mmap and its kin: memory that the program has from the kernel may hold
 * pointers, and what was known of its addresses is about others.
 *
 * Not seen: system calls made by hand, shmat, the loader's and libc's own mappings.
 */
#include <stdarg.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/types.h>

#include "detector/common/interpose.h"
#include "detector/common/ranges.h"
#include "runtime/base/compiler.h"
#include "runtime/base/os_linux.h"

#define PC ((uintptr_t)__builtin_return_address(0))

static const struct gd__map_events *events;

void gd__map_events_install(const struct gd__map_events *e)
{
	events = e;
}

static uintptr_t end_of(const void *p, size_t n)
{
	return ((uintptr_t)p + n + GD__PAGE - 1) & ~(uintptr_t)(GD__PAGE - 1);
}

/* Fresh memory at p, with the mapping's kind and whether pointers can be written there. */
static void *mapped(void *p, size_t n, enum gd__range_kind kind, bool written, uintptr_t pc)
{
	if (p == MAP_FAILED)
		return p;
	gd__ranges_cut((uintptr_t)p, end_of(p, n)); /* MAP_FIXED over others */
	if (written)
		gd__ranges_add((uintptr_t)p, end_of(p, n), kind, pc);
	if (events)
		events->mapped(p, n);
	return p;
}

static void unmapping(void *p, size_t n)
{
	gd__ranges_cut((uintptr_t)p, end_of(p, n));
	if (events)
		events->unmapping(p, n);
}

static enum gd__range_kind kind_of(int flags)
{
	return (flags & MAP_ANONYMOUS) && !(flags & MAP_SHARED) ? GD__RANGE_PRIVATE
								: GD__RANGE_SHARED;
}

/* A file that is mapped to be read holds no pointers of ours; of others mprotect may come later. */
static bool is_written(int prot, int flags)
{
	return (prot & PROT_WRITE) || (flags & MAP_ANONYMOUS);
}

void *mmap(void *at, size_t n, int prot, int flags, int fd, off_t offset)
{
	return mapped(GD__REAL(mmap)(at, n, prot, flags, fd, offset), n, kind_of(flags),
		      is_written(prot, flags), PC);
}

void *mmap64(void *at, size_t n, int prot, int flags, int fd, off64_t offset)
{
	return mapped(GD__REAL(mmap64)(at, n, prot, flags, fd, offset), n, kind_of(flags),
		      is_written(prot, flags), PC);
}

int munmap(void *p, size_t n)
{
	unmapping(p, n);
	return GD__REAL(munmap)(p, n);
}

/* Of what kind the mapping is that begins at p; false: none that we know. */
static bool known(const void *p, enum gd__range_kind *kind)
{
	uintptr_t lo, hi;

	for (size_t i = 0; i < GD__RANGES_MAX; i++)
		if (gd__ranges_get(i, &lo, &hi, kind) && lo <= (uintptr_t)p && (uintptr_t)p < hi)
			return true;
	return false;
}

void *mremap(void *p, size_t old, size_t n, int flags, ...)
{
	enum gd__range_kind kind = GD__RANGE_PRIVATE;
	bool was_known = known(p, &kind);
	va_list ap;

	va_start(ap, flags);
	void *at = va_arg(ap, void *); /* read by the kernel only with MREMAP_FIXED */

	va_end(ap);
	void *q = GD__REAL(mremap)(p, old, n, flags, at);

	if (q == MAP_FAILED)
		return q;
	if (q != p) {
		unmapping(p, old);
		return mapped(q, n, kind, was_known, PC);
	}
	if (n < old)
		unmapping((char *)p + n, old - n);
	if (n > old)
		mapped((char *)q + old, n - old, kind, was_known, PC);
	return q;
}
