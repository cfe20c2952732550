/*
 * abi_misc.c - tsan_interface.h: memory calls of clang >= 16, annotations, fibers, test helpers.
 *
 * Programs reach these under __SANITIZE_THREAD__ or __has_feature(thread_sanitizer).
 */
#include "detector/race/abi.h"

#include "detector/race/access.h"
#include "detector/race/keys.h"
#include "detector/race/syncobj.h"
#include "runtime/base/fatal.h"
#include "runtime/base/os_linux.h"
#include "runtime/hook/hook.h"

#define RETURN_PC ((uintptr_t)__builtin_return_address(0))

/* Flags of the mutex annotations. */
enum { MUTEX_READ_LOCK = 1 << 3, MUTEX_TRY_LOCK_FAILED = 1 << 5 };

static void access_if(const void *p, size_t n, unsigned kind, uintptr_t pc)
{
	struct gd__hook_ctx *g = gd__race_cur;

	if (g && n > 0)
		gd__access(g, (uintptr_t)p, n, kind, pc);
}

void *__tsan_memcpy(void *dst, const void *src, size_t n)
{
	access_if(src, n, GD__ACCESS_READ, RETURN_PC);
	access_if(dst, n, GD__ACCESS_WRITE, RETURN_PC);
	return gd__memcpy(dst, src, n);
}

void *__tsan_memmove(void *dst, const void *src, size_t n)
{
	access_if(src, n, GD__ACCESS_READ, RETURN_PC);
	access_if(dst, n, GD__ACCESS_WRITE, RETURN_PC);
	return gd__memmove(dst, src, n);
}

void *__tsan_memset(void *dst, int c, size_t n)
{
	access_if(dst, n, GD__ACCESS_WRITE, RETURN_PC);
	return gd__memset(dst, c, n);
}

void __tsan_acquire(void *addr)
{
	if (gd__race_cur)
		gd__sync_acquire(gd__race_cur, gd__key_note(addr));
}

void __tsan_release(void *addr)
{
	if (gd__race_cur)
		gd__sync_release_merge(gd__race_cur, gd__key_note(addr));
}

/*
 * Mutexes of the user's own making. Between pre_ and post_ runs their
 * implementation, whose accesses are not looked at.
 */
void __tsan_mutex_create(void *addr, unsigned flags)
{
	__tsan_mutex_destroy(addr, flags);
}

void __tsan_mutex_destroy(void *addr, unsigned flags)
{
	gd__sync_forget(gd__key_note(addr), 1);
	gd__sync_forget(gd__key_readers(addr), 1);
}

void __tsan_mutex_pre_lock(void *addr, unsigned flags)
{
	__tsan_ignore_thread_begin();
}

void __tsan_mutex_post_lock(void *addr, unsigned flags, int recursion)
{
	struct gd__hook_ctx *g = gd__race_cur;

	__tsan_ignore_thread_end();
	if (!g || flags & MUTEX_TRY_LOCK_FAILED)
		return;
	gd__sync_acquire(g, gd__key_note(addr));
	if (!(flags & MUTEX_READ_LOCK))
		gd__sync_acquire(g, gd__key_readers(addr));
	gd__hook(lock, g, addr, !(flags & MUTEX_READ_LOCK));
}

int __tsan_mutex_pre_unlock(void *addr, unsigned flags)
{
	struct gd__hook_ctx *g = gd__race_cur;

	if (g) {
		gd__hook(unlock, g, addr, !(flags & MUTEX_READ_LOCK));
		if (flags & MUTEX_READ_LOCK)
			gd__sync_release_merge(g, gd__key_readers(addr));
		else
			gd__sync_release(g, gd__key_note(addr));
	}
	__tsan_ignore_thread_begin();
	return 0;
}

void __tsan_mutex_post_unlock(void *addr, unsigned flags)
{
	__tsan_ignore_thread_end();
}

void __tsan_mutex_pre_signal(void *addr, unsigned flags)
{
	__tsan_ignore_thread_begin();
}

void __tsan_mutex_post_signal(void *addr, unsigned flags)
{
	__tsan_ignore_thread_end();
}

/* The implementation calls back into user code. */
void __tsan_mutex_pre_divert(void *addr, unsigned flags)
{
	__tsan_ignore_thread_end();
}

void __tsan_mutex_post_divert(void *addr, unsigned flags)
{
	__tsan_ignore_thread_begin();
}

void __tsan_check_no_mutexes_held(void)
{
	const struct gd__hook_ctx *g = gd__race_cur;

	if (g && g->nheld > 0)
		gd__warn("%u locks held where the program says none is", g->nheld);
}

/* A hint to give memory back; ours is bounded by live goroutines already. */
void __tsan_on_thread_idle(void)
{
}

/* Fibers of other libraries: each has a record, as a goroutine has. */
void *__tsan_get_current_fiber(void)
{
	return gd__race_cur;
}

void *__tsan_create_fiber(unsigned flags)
{
	struct gd__hook_ctx *g = gd__race_cur;

	return gd__gctx_make(g, 0, RETURN_PC, g ? gd__gctx_stack_id(g, RETURN_PC) : 0);
}

void __tsan_destroy_fiber(void *fiber)
{
	gd__sync_forget(gd__key_note(fiber), 1);
	gd__gctx_end(fiber);
}

void __tsan_switch_to_fiber(void *fiber, unsigned flags)
{
	struct gd__hook_ctx *g = gd__race_cur;
	bool sync = !(flags & 1); /* __tsan_switch_to_fiber_no_sync */

	if (sync && g)
		gd__sync_release(g, gd__key_note(fiber));
	gd__race_cur = fiber;
	if (sync && fiber)
		gd__sync_acquire(fiber, gd__key_note(fiber));
}

void __tsan_set_fiber_name(void *fiber, const char *name)
{
	/* Reports number fibers; a copied name would need memory per fiber. */
}

/* Objects of other languages: their accesses are accesses to the first byte. */
void *__tsan_external_register_tag(const char *object_type)
{
	return (void *)(uintptr_t)object_type;
}

void __tsan_external_register_header(void *tag, const char *header)
{
}

void __tsan_external_assign_tag(void *addr, void *tag)
{
}

void __tsan_external_read(void *addr, void *caller_pc, void *tag)
{
	access_if(addr, 1, GD__ACCESS_READ, (uintptr_t)caller_pc);
}

void __tsan_external_write(void *addr, void *caller_pc, void *tag)
{
	access_if(addr, 1, GD__ACCESS_WRITE, (uintptr_t)caller_pc);
}

/*
 * A barrier that is no edge: for tests that fix an order and still expect a
 * race. Low half: arrivals; high half: how many meet.
 */
void __tsan_testonly_barrier_init(uint64_t *barrier, unsigned count)
{
	__atomic_store_n(barrier, (uint64_t)count << 32, __ATOMIC_SEQ_CST);
}

void __tsan_testonly_barrier_wait(uint64_t *barrier)
{
	uint64_t old = __atomic_fetch_add(barrier, 1, __ATOMIC_SEQ_CST);
	uint32_t count = (uint32_t)(old >> 32), mine = (uint32_t)old / count;
	_Atomic uint32_t *arrived = (_Atomic uint32_t *)barrier; /* little endian: the low half */

	gd__os_futex_wake(arrived, INT32_MAX);
	for (uint32_t now;
	     (now = __atomic_load_n((uint32_t *)barrier, __ATOMIC_SEQ_CST)) / count == mine;)
		gd__os_futex_wait(arrived, now, -1);
}

size_t __tsan_testonly_shadow_stack_current_size(void)
{
	const struct gd__hook_ctx *g = gd__race_cur;

	return g ? (size_t)(g->frame - g->frames - 1) + g->frames_lost : 0;
}

/* The rest exists so that programs link: nothing is to be done for them. */
void __tsan_setjmp(uintptr_t sp)
{
}

void __tsan_flush_memory(void)
{
}

void __tsan_resume(void)
{
}

void __tsan_test_only_on_fork(void)
{
}

void *__tsan_thread_start_func(void *arg)
{
	return arg;
}

void __tsan_stack_initialization(void)
{
}

void __tsan_tls_initialization(void)
{
}
