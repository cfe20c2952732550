/*
 * interpose_malloc.c - the malloc family, on jemalloc, with a record per block.
 *
 * jemalloc serves the memory; heap.c records where blocks are, and the blocks stay as jemalloc
 * makes them, unless notes are kept behind them (heap.h). All of it works before any
 * initialisation and takes no lock of ours: the loader, constructors and dlsym call it too.
 */
#include <dlfcn.h>
#include <errno.h>
#include <jemalloc/jemalloc.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "detector/common/depot.h"
#include "detector/common/heap.h"
#include "detector/common/heap_layout.h"
#include "detector/common/interpose.h"
#include "runtime/base/atomic.h"
#include "runtime/base/compiler.h"
#include "runtime/base/fatal.h"
#include "runtime/base/options.h"
#include "runtime/base/os_linux.h"
#include "runtime/inspect/anchor.h"
#include "runtime/inspect/inspect.h"
#include "runtime/inspect/traceback.h"

#define ALIGN      ((size_t)16) /* of malloc */
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

/*
 * jemalloc's own malloc, calloc and free, which are faster than mallocx and dallocx by half. Ours
 * hide them, so they are asked for by handle; mallocx serves until then.
 */
static void *first_malloc(size_t n)
{
	return mallocx(n, 0);
}

static void *first_calloc(size_t count, size_t n)
{
	return mallocx(count * n, MALLOCX_ZERO);
}

static void first_free(void *p)
{
	dallocx(p, 0);
}

static struct {
	void *(*malloc)(size_t n);
	void *(*calloc)(size_t count, size_t n);
	void (*free)(void *p);
} je = { first_malloc, first_calloc, first_free };

/* From a thread's pointer to its errno: the C library is there from the start, so that is the same
 * in every thread. Asking for errno is a call. */
static ptrdiff_t errno_offset;

static GD__ALWAYS_INLINE int *errno_here(void)
{
	return (int *)(void *)((char *)__builtin_thread_pointer() + errno_offset);
}

/* Of an address with one of these free goes the long way: no block of ours, or there are notes. */
static uint64_t slow_bits = ~(uint64_t)0;

/* What jemalloc itself calls so; NULL if it cannot be found. */
static void *own_name(void *jemalloc, const void *base, const char *name)
{
	void *fn = dlsym(jemalloc, name);
	Dl_info info;

	return fn && dladdr(fn, &info) && info.dli_fbase == base ? fn : NULL;
}

/* Of the program's constructors none is earlier; there is one thread. */
__attribute__((constructor(101))) static void find_faster(void)
{
	Dl_info jemalloc, here;

	if (!gd__heap_notes())
		slow_bits = GD__HEAP_NO_START;
	errno_offset = (char *)&errno - (char *)__builtin_thread_pointer();
	if (!dladdr((void *)(uintptr_t)mallocx, &jemalloc) || !dladdr(&je, &here) ||
	    jemalloc.dli_fbase == here.dli_fbase)
		return;
	void *handle = dlopen(jemalloc.dli_fname, RTLD_LAZY | RTLD_NOLOAD);

	if (!handle)
		return;
	void *m = own_name(handle, jemalloc.dli_fbase, "malloc");
	void *c = own_name(handle, jemalloc.dli_fbase, "calloc");
	void *f = own_name(handle, jemalloc.dli_fbase, "free");

	if (m && c && f) {
		je.malloc = (void *(*)(size_t))(uintptr_t)m;
		je.calloc = (void *(*)(size_t, size_t))(uintptr_t)c;
		je.free = (void (*)(void *))(uintptr_t)f;
	}
}

static void *malloc_zero(size_t n)
{
	return je.calloc(1, n);
}

void gd__heap_zero(bool on)
{
	static void *(*usual)(size_t n);

	usual = on ? je.malloc : usual;
	je.malloc = on ? malloc_zero : usual; /* one word: others call the one or the other */
}

/* How a block is to be. */
struct wish {
	size_t align; /* 0: as any */
	bool zero;
};

/* jemalloc's calls, of which the listener hears nothing. */
static GD__ALWAYS_INLINE void *je_alloc(size_t n, struct wish w)
{
	void *state = enter(), *p;

	if (w.align > ALIGN)
		p = mallocx(n, MALLOCX_ALIGN(w.align) | (w.zero ? MALLOCX_ZERO : 0));
	else
		p = w.zero ? je.calloc(1, n) : je.malloc(n);
	leave(state);
	return p;
}

static GD__ALWAYS_INLINE void je_free(void *p)
{
	void *state = enter();

	je.free(p);
	leave(state);
}

static GD__ALWAYS_INLINE size_t je_resize(void *p, size_t n)
{
	void *state = enter();
	size_t got = xallocx(p, n, 0, 0);

	leave(state);
	return got;
}

/*
 * The room of a small block << 8 and the code of that, by what is asked for in units of ALIGN. 0:
 * jemalloc is to be asked. Relaxed: the same from everybody.
 */
static _Atomic uint32_t plans[GD__HEAP_SMALL / ALIGN + 1];

static GD__NOINLINE size_t ask_room(size_t n, size_t align)
{
	size_t room = nallocx(n, align > ALIGN ? MALLOCX_ALIGN(align) : 0);
	unsigned code = room < GD__HEAP_ALONE ? 0 : gd__heap_code(room);

	if (room >= GD__HEAP_ALONE && code == 0)
		gd__fatal("this libjemalloc has other size classes than ours: %zu bytes", room);
	/* see plans; with notes malloc is not to take the quick way */
	if (align <= ALIGN && room <= GD__HEAP_SMALL && !gd__heap_notes())
		gd__store_relaxed(&plans[(n + ALIGN - 1) / ALIGN], (uint32_t)room << 8 | code);
	return room;
}

/* What a block has for which n bytes were asked from jemalloc. */
static GD__ALWAYS_INLINE size_t room_of(size_t n, size_t align)
{
	uint32_t plan = 0;

	if (align <= ALIGN && n <= GD__HEAP_SMALL)
		plan = gd__load_relaxed(&plans[(n + ALIGN - 1) / ALIGN]); /* see plans */
	return gd__likely(plan != 0) ? plan >> 8 : ask_room(n, align);
}

/* Bytes to ask for, for a block of n. */
static GD__ALWAYS_INLINE size_t with_note(size_t n)
{
	if (gd__heap_notes())
		return ((n + ALIGN - 1) & ~(ALIGN - 1)) + GD__HEAP_NOTE;
	return n < ALIGN ? ALIGN : n; /* less would not be aligned to it */
}

/*
 * Without a note the record of a small block says its room: what lies beyond the bytes asked for
 * counts as the block's, and must not hold what was there before.
 */
static GD__ALWAYS_INLINE void clear_slack(char *p, size_t from, size_t room)
{
	if (!gd__heap_notes() && room <= GD__HEAP_SMALL)
		for (size_t at = from & ~(size_t)7; at < room; at += 8)
			*(uint64_t *)(void *)(p + at) = 0;
}

/* The caller's stack as a depot id. frame: of the function that the user called, which is at pc. */
static GD__ALWAYS_INLINE uint32_t caller_stack(const void *frame, uintptr_t pc)
{
	uintptr_t pcs[GD__DEPOT_FRAMES], lo, hi;
	size_t max = (size_t)gd__options.malloc_context;

	if (!gd__heap_notes() || gd__options.malloc_context <= 0)
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
	return gd__heap_notes() ? (uint32_t)gd__inspect_self() : 0;
}

/*
 * jemalloc remembers, in each thread, the gigabytes of address space that it has looked up last. A
 * leak check would take that for pointers to the block at the beginning of one, so such blocks are
 * not given out; what little there is stays unused.
 */
static GD__ALWAYS_INLINE bool looks_like_jemallocs(const void *p)
{
	return (uintptr_t)p << (64 - 30) == 0;
}

static GD__NOINLINE void *allocate(size_t n, struct wish w, const void *frame, uintptr_t pc)
{
	size_t whole = with_note(n);

	if (n > SIZE_LIMIT - ALIGN - GD__HEAP_NOTE) {
		errno = ENOMEM;
		return NULL;
	}
	char *p = je_alloc(whole, w);

	if (p != NULL && looks_like_jemallocs(p) && w.align <= ALIGN)
		p = je_alloc(whole, w);
	if (p == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	size_t room = room_of(whole, w.align);

	if (!w.zero)
		clear_slack(p, n, room);
	if (!gd__heap_add(p, n, room, caller_stack(frame, pc), caller_goid())) {
		je_free(p);
		errno = ENOMEM;
		return NULL;
	}
	if (events)
		events->alloc(p, n, pc);
	return p;
}

static GD__NOINLINE void release(const char *call, void *p, uintptr_t pc)
{
	size_t size;

	if (p == NULL)
		return;
	int saved = errno;

	if (gd__unlikely(!gd__heap_remove(p, &size)))
		gd__heap_die_not_live(call, p);
	if (events)
		events->free(p, size, pc);
	je_free(p);
	errno = saved;
}

/* Grows or shrinks p where it is: of the same room if it is small (had != 0), else by jemalloc's
 * leave. false: it cannot stay. */
static bool resize_in_place(char *p, size_t old, size_t had, size_t n, uint32_t stack, uintptr_t pc)
{
	size_t whole = with_note(n), room = room_of(whole, 0);

	/* A shrink of more than half moves, so that the memory can serve others. */
	if (n < old / 2 || (had == 0 ? room <= GD__HEAP_SMALL : room != had))
		return false;
	if (had == 0 && je_resize(p, whole) < whole)
		return false;
	if (!gd__heap_resize(p, n, room, stack, caller_goid()))
		return false;
	if (n < old)
		clear_slack(p, n + 7, room);
	if (events && n < old)
		events->free(p + n, old - n, pc);
	if (events && n > old)
		events->alloc(p + old, n - old, pc);
	return true;
}

static GD__ALWAYS_INLINE void *reallocate(const char *call, void *p, size_t n, const void *frame,
					  uintptr_t pc)
{
	size_t old, had;

	if (p == NULL)
		return allocate(n, (struct wish){ 0 }, frame, pc);
	if (n == 0) {
		release(call, p, pc);
		return NULL;
	}
	if (!gd__heap_get(p, &old, &had))
		gd__heap_die_not_live(call, p);
	if (n > SIZE_LIMIT - ALIGN - GD__HEAP_NOTE) {
		errno = ENOMEM;
		return NULL;
	}
	if (resize_in_place(p, old, had, n, caller_stack(frame, pc), pc))
		return p;
	void *q = allocate(n, (struct wish){ 0 }, frame, pc);

	if (q == NULL)
		return NULL;
	memcpy(q, p, old < n ? old : n);
	release(call, p, pc);
	return q;
}

static bool is_power_of_two(size_t n)
{
	return n != 0 && (n & (n - 1)) == 0;
}

static void *allocate_aligned(size_t align, size_t n, const void *frame, uintptr_t pc)
{
	if (is_power_of_two(align))
		return allocate(n, (struct wish){ .align = align }, frame, pc);
	errno = EINVAL;
	return NULL;
}

/* What the user sees of a call: its frame and where it returns to. */
#define FRAME __builtin_frame_address(0)
#define PC    ((uintptr_t)__builtin_return_address(0))

/* The rest of malloc for p of jemalloc's where the tables have to grow. */
static GD__NOINLINE void *finish(char *p, size_t n, uint32_t plan)
{
	size_t room = plan >> 8;

	if (p == NULL || looks_like_jemallocs(p))
		return allocate(n, (struct wish){ 0 }, NULL, 0); /* if need be it says ENOMEM */
	clear_slack(p, n, room);
	if (gd__heap_add(p, n, room, 0, 0))
		return p;
	je.free(p);
	errno = ENOMEM;
	return NULL;
}

void *malloc(size_t n)
{
	if (gd__unlikely(n > GD__HEAP_SMALL))
		return allocate(n, (struct wish){ 0 }, FRAME, PC);
	_Atomic uint32_t *where = &plans[(n + ALIGN - 1) / ALIGN];

	if (gd__unlikely(gd__load_relaxed(where) == 0)) /* see plans */
		return allocate(n, (struct wish){ 0 }, FRAME, PC);
	char *p = je.malloc(n < ALIGN ? ALIGN : n);
	uint32_t plan = gd__load_relaxed(where); /* again: to keep two of it takes longer */
	size_t room = plan >> 8, at = n & ~(size_t)7;
	bool tiny = (uint8_t)plan == 0;

	if (gd__unlikely(looks_like_jemallocs(p)) ||
	    gd__unlikely(!(tiny ? gd__heap_add_tiny(p, room) : gd__heap_add_quick(p, plan))))
		return finish(p, n, plan);
	/* As clear_slack; volatile: it is a word or two, no call of memset. */
	for (; !tiny && at < room; at += 8)
		*(volatile uint64_t *)(void *)(p + at) = 0;
	if (tiny && n != room) { /* two words, or the same twice */
		*(volatile uint64_t *)(void *)(p + at) = 0;
		*(volatile uint64_t *)(void *)(p + room - 8) = 0;
	}
	return p;
}

void *calloc(size_t count, size_t size)
{
	size_t n;

	if (__builtin_mul_overflow(count, size, &n)) {
		errno = ENOMEM;
		return NULL;
	}
	return allocate(n, (struct wish){ .zero = true }, FRAME, PC);
}

void free(void *p)
{
	if (gd__unlikely(((uintptr_t)p & slow_bits) != 0 || !gd__heap_remove_quick(p))) {
		release("free", p, PC);
		return;
	}
	int saved = *errno_here();

	je.free(p);
	*errno_here() = saved;
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
	return allocate_aligned(align, n, FRAME, PC);
}

void *memalign(size_t align, size_t n)
{
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
	size_t n, room;

	if (p == NULL)
		return 0;
	if (!gd__heap_get(p, &n, &room))
		gd__heap_die_not_live("malloc_usable_size", p);
	return n;
}

/* The records are kept from the first malloc on; here they are made known to dumps. */
__attribute__((constructor(104))) static void tell_the_anchor(void)
{
	gd__anchor.heap_root = gd__heap_root();
	gd__anchor.depot_root = gd__depot_root();
}
