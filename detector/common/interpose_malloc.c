/*
 * interpose_malloc.c - the malloc family, on jemalloc, with a record per block.
 *
 * jemalloc serves the memory through its *allocx functions; its own malloc and
 * free are hidden by ours. Each block gets 16 bytes (or its alignment) in
 * front for the header of heap.c. All of it works before any initialisation
 * and takes no lock of ours: the loader, constructors and dlsym call it too.
 */
#include <errno.h>
#include <jemalloc/jemalloc.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "detector/common/depot.h"
#include "detector/common/heap.h"
#include "detector/common/interpose.h"
#include "runtime/base/compiler.h"
#include "runtime/base/fatal.h"
#include "runtime/base/options.h"
#include "runtime/base/os_linux.h"
#include "runtime/inspect/anchor.h"
#include "runtime/inspect/inspect.h"
#include "runtime/inspect/traceback.h"

#define ALIGN_LOG2 4 /* of malloc, and the size of the header */
#define SIZE_LIMIT ((size_t)PTRDIFF_MAX)

static const struct gd__heap_events *events;

void gd__heap_events_install(const struct gd__heap_events *e)
{
	events = e;
}

static GD__ALWAYS_INLINE void *enter(void)
{
	return events && events->enter ? events->enter() : NULL;
}

static GD__ALWAYS_INLINE void leave(void *state)
{
	if (events && events->leave)
		events->leave(state);
}

/* jemalloc's calls, of which the listener hears nothing. */
static GD__ALWAYS_INLINE void *je_alloc(size_t n, int flags)
{
	void *state = enter();
	void *p = mallocx(n, flags);

	leave(state);
	return p;
}

static GD__ALWAYS_INLINE void je_free(void *p)
{
	void *state = enter();

	dallocx(p, 0);
	leave(state);
}

static GD__ALWAYS_INLINE size_t je_resize(void *p, size_t n)
{
	void *state = enter();
	size_t got = xallocx(p, n, 0, 0);

	leave(state);
	return got;
}

/* Bytes before a block: the header, or a whole unit of alignment. */
static size_t front(uint32_t align_log2)
{
	return (size_t)1 << align_log2;
}

/* The caller's stack as a depot id. frame: of the function that the user called, which is at pc. */
static GD__ALWAYS_INLINE uint32_t caller_stack(const void *frame, uintptr_t pc)
{
	uintptr_t pcs[GD__DEPOT_FRAMES], lo, hi;
	size_t max = (size_t)gd__options.malloc_context;

	if (gd__options.malloc_context <= 0)
		return 0;
	if (max > GD__DEPOT_FRAMES)
		max = GD__DEPOT_FRAMES;
	gd__stack_bounds(&lo, &hi);
	size_t n = gd__trace_frame_pointers(pcs, max, frame, lo, hi);

	if (n == 0) /* on a stack we do not know: a signal's, a foreign coroutine's */
		pcs[n++] = pc;
	return gd__depot_put(pcs, n);
}

static uint32_t caller_goid(void)
{
	return (uint32_t)gd__inspect_self();
}

static GD__ALWAYS_INLINE void *allocate(size_t n, uint32_t align_log2, int flags, const void *frame,
					uintptr_t pc)
{
	size_t before = front(align_log2);

	if (n > SIZE_LIMIT - before) {
		errno = ENOMEM;
		return NULL;
	}
	char *base = je_alloc(before + n, flags | MALLOCX_LG_ALIGN((int)align_log2));

	if (base == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	char *p = base + before;

	if (!gd__heap_add(p, n, align_log2, caller_stack(frame, pc), caller_goid())) {
		je_free(base);
		errno = ENOMEM;
		return NULL;
	}
	if (events)
		events->alloc(p, n, pc);
	return p;
}

/* p is not the start of a live block: says all that is known of it. */
static GD__NOINLINE GD__NORETURN void die_not_live(const char *call, const void *p)
{
	struct gd__block b;

	if (gd__heap_find((uintptr_t)p, &b))
		gd__fatal("%s(%p): not the start of a block: it lies %zu bytes inside a block of "
			  "%zu bytes at %p",
			  call, p, (size_t)((uintptr_t)p - b.start), (size_t)b.size,
			  (void *)(uintptr_t)b.start);
	gd__fatal("%s(%p): no live block begins there: freed twice, or never allocated", call, p);
}

static GD__ALWAYS_INLINE void release(const char *call, void *p, uintptr_t pc)
{
	size_t size;
	uint32_t align_log2;

	if (p == NULL)
		return;
	int saved = errno;

	if (!gd__heap_remove(p, &size, &align_log2))
		die_not_live(call, p);
	if (events)
		events->free(p, size, pc);
	je_free((char *)p - front(align_log2));
	errno = saved;
}

/* Grows or shrinks p where it is; false if jemalloc has no room there. */
static bool resize_in_place(char *p, size_t old, size_t n, uint32_t align_log2, uint32_t stack,
			    uintptr_t pc)
{
	size_t before = front(align_log2);

	/* A shrink of more than half moves, so that the memory can serve others. */
	if (n < old / 2 || je_resize(p - before, before + n) < before + n)
		return false;
	if (events && n < old)
		events->free(p + n, old - n, pc);
	gd__heap_resize(p, n, stack, caller_goid());
	if (events && n > old)
		events->alloc(p + old, n - old, pc);
	return true;
}

static GD__ALWAYS_INLINE void *reallocate(const char *call, void *p, size_t n, const void *frame,
					  uintptr_t pc)
{
	size_t old;
	uint32_t align_log2;

	if (p == NULL)
		return allocate(n, ALIGN_LOG2, 0, frame, pc);
	if (n == 0) {
		release(call, p, pc);
		return NULL;
	}
	if (!gd__heap_get(p, &old, &align_log2))
		die_not_live(call, p);
	if (n > SIZE_LIMIT - front(align_log2)) {
		errno = ENOMEM;
		return NULL;
	}
	if (resize_in_place(p, old, n, align_log2, caller_stack(frame, pc), pc))
		return p;
	void *q = allocate(n, ALIGN_LOG2, 0, frame, pc);

	if (q == NULL)
		return NULL;
	memcpy(q, p, old < n ? old : n);
	release(call, p, pc);
	return q;
}

static void *allocate_aligned(size_t align, size_t n, const void *frame, uintptr_t pc)
{
	uint32_t align_log2 = (uint32_t)__builtin_ctzl(align);

	return allocate(n, align_log2 < ALIGN_LOG2 ? ALIGN_LOG2 : align_log2, 0, frame, pc);
}

static bool is_power_of_two(size_t n)
{
	return n != 0 && (n & (n - 1)) == 0;
}

/* What the user sees of a call: its frame and where it returns to. */
#define FRAME __builtin_frame_address(0)
#define PC    ((uintptr_t)__builtin_return_address(0))

void *malloc(size_t n)
{
	return allocate(n, ALIGN_LOG2, 0, FRAME, PC);
}

void *calloc(size_t count, size_t size)
{
	size_t n;

	if (__builtin_mul_overflow(count, size, &n)) {
		errno = ENOMEM;
		return NULL;
	}
	return allocate(n, ALIGN_LOG2, MALLOCX_ZERO, FRAME, PC);
}

void free(void *p)
{
	release("free", p, PC);
}

void *realloc(void *p, size_t n)
{
	return reallocate("realloc", p, n, FRAME, PC);
}

void *reallocarray(void *p, size_t count, size_t size)
{
	size_t n;

	if (__builtin_mul_overflow(count, size, &n)) {
		errno = ENOMEM;
		return NULL;
	}
	return reallocate("reallocarray", p, n, FRAME, PC);
}

int posix_memalign(void **out, size_t align, size_t n)
{
	int saved = errno;

	if (!is_power_of_two(align) || align % sizeof(void *) != 0)
		return EINVAL;
	void *p = allocate_aligned(align, n, FRAME, PC);

	errno = saved;
	if (p == NULL)
		return ENOMEM;
	*out = p;
	return 0;
}

void *aligned_alloc(size_t align, size_t n)
{
	if (!is_power_of_two(align)) {
		errno = EINVAL;
		return NULL;
	}
	return allocate_aligned(align, n, FRAME, PC);
}

void *memalign(size_t align, size_t n)
{
	if (!is_power_of_two(align)) {
		errno = EINVAL;
		return NULL;
	}
	return allocate_aligned(align, n, FRAME, PC);
}

void *valloc(size_t n)
{
	return allocate_aligned(GD__PAGE, n, FRAME, PC);
}

void *pvalloc(size_t n)
{
	if (n > SIZE_LIMIT) {
		errno = ENOMEM;
		return NULL;
	}
	return allocate_aligned(GD__PAGE, (n + GD__PAGE - 1) & ~(GD__PAGE - 1), FRAME, PC);
}

size_t malloc_usable_size(void *p)
{
	size_t n;
	uint32_t align_log2;

	if (p == NULL)
		return 0;
	if (!gd__heap_get(p, &n, &align_log2))
		die_not_live("malloc_usable_size", p);
	return n;
}

/* The records are kept from the first malloc on; here they are made known to dumps. */
__attribute__((constructor(104))) static void tell_the_anchor(void)
{
	gd__anchor.heap_root = gd__heap_root();
	gd__anchor.depot_root = gd__depot_root();
}
