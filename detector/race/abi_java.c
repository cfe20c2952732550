/*
 * abi_java.c - a managed heap in the process: moves of objects, monitors.
 *
 * A move takes the shadow along by forgetting both sides: it runs while the
 * world of that language is stopped, so what is lost is the history only.
 */
#include "detector/race/abi.h"
#include "detector/race/access.h"
#include "detector/race/keys.h"
#include "detector/race/syncobj.h"

void __tsan_java_init(uintptr_t heap, uintptr_t size)
{
}

int __tsan_java_fini(void)
{
	return 0;
}

static void forget(uintptr_t p, uintptr_t n)
{
	gd__shadow_reset(p, n);
	gd__sync_forget(p, n);
	gd__sync_forget(gd__key_note((void *)p), n);
}

void __tsan_java_alloc(uintptr_t p, uintptr_t n)
{
	if (n > 0)
		forget(p, n);
}

void __tsan_java_free(uintptr_t p, uintptr_t n)
{
	if (n > 0)
		forget(p, n);
}

void __tsan_java_move(uintptr_t src, uintptr_t dst, uintptr_t n)
{
	if (n == 0)
		return;
	forget(src, n);
	forget(dst, n);
}

/* The first allocated object in [*from, to): what was allocated is not recorded, so none. */
uintptr_t __tsan_java_find(uintptr_t *from, uintptr_t to)
{
	return 0;
}

void __tsan_java_finalize(void)
{
}

void __tsan_java_mutex_lock(uintptr_t addr)
{
	__tsan_acquire((void *)addr);
	if (gd__race_cur)
		gd__sync_acquire(gd__race_cur, gd__key_readers((void *)addr));
}

void __tsan_java_mutex_unlock(uintptr_t addr)
{
	__tsan_java_release_store(addr);
}

void __tsan_java_mutex_read_lock(uintptr_t addr)
{
	__tsan_acquire((void *)addr);
}

void __tsan_java_mutex_read_unlock(uintptr_t addr)
{
	if (gd__race_cur)
		gd__sync_release_merge(gd__race_cur, gd__key_readers((void *)addr));
}

void __tsan_java_mutex_lock_rec(uintptr_t addr, int depth)
{
	__tsan_java_mutex_lock(addr);
}

/* How often it was locked: unlocking once is all that edges need. */
int __tsan_java_mutex_unlock_rec(uintptr_t addr)
{
	__tsan_java_mutex_unlock(addr);
	return 1;
}

void __tsan_java_acquire(uintptr_t addr)
{
	__tsan_acquire((void *)addr);
}

void __tsan_java_release(uintptr_t addr)
{
	__tsan_release((void *)addr);
}

void __tsan_java_release_store(uintptr_t addr)
{
	if (gd__race_cur)
		gd__sync_release(gd__race_cur, gd__key_note((void *)addr));
}
