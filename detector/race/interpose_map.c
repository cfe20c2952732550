/*
 * interpose_map.c - memory from the kernel: what was known of these addresses is about others.
 */
#include "detector/race/interpose.h"

#include <stdarg.h>
#include <sys/mman.h>
#include <sys/types.h>

#include "detector/race/keys.h"
#include "detector/race/syncobj.h"

static void *mapped(void *p, size_t n)
{
	if (p != MAP_FAILED)
		gd__shadow_reset((uintptr_t)p, n);
	return p;
}

static void forget(void *p, size_t n)
{
	gd__sync_forget((uintptr_t)p, n);
	gd__sync_forget(gd__key_note(p), n);
	gd__sync_forget(gd__key_readers(p), n);
}

void *mmap(void *at, size_t n, int prot, int flags, int fd, off_t offset)
{
	return mapped(GD__REAL(mmap)(at, n, prot, flags, fd, offset), n);
}

void *mmap64(void *at, size_t n, int prot, int flags, int fd, off64_t offset)
{
	return mapped(GD__REAL(mmap64)(at, n, prot, flags, fd, offset), n);
}

int munmap(void *p, size_t n)
{
	forget(p, n);
	return GD__REAL(munmap)(p, n);
}

void *mremap(void *p, size_t old, size_t n, int flags, ...)
{
	va_list ap;

	va_start(ap, flags);
	void *at = va_arg(ap, void *); /* read by the kernel only with MREMAP_FIXED */

	va_end(ap);
	void *q = GD__REAL(mremap)(p, old, n, flags, at);

	if (q == MAP_FAILED)
		return q;
	if (q != p) {
		forget(p, old);
		mapped(q, n);
	} else if (n > old) {
		mapped((char *)q + old, n - old);
	}
	return q;
}
