/*
 * abi_access.c - the calls that -fsanitize=thread puts before each load and store, and around
 * each function.
 *
 * Every one is a leaf: it looks at the cell inline and ends with a tail call
 * if there is more to do. On stacks that belong to no goroutine
 * (gd__race_cur NULL) it returns at once. The return address is the site.
 */
#include "detector/race/abi.h"

#include "detector/race/access.h"

#define RETURN_PC ((uintptr_t)__builtin_return_address(0))

static GD__ALWAYS_INLINE void read_small(const void *p, size_t n, uintptr_t pc)
{
	struct gd__hook_ctx *g = gd__race_cur;

	if (gd__likely(g != NULL))
		gd__access_read_hot(g, (uintptr_t)p, n, pc);
}

static GD__ALWAYS_INLINE void write_small(const void *p, size_t n, uintptr_t pc)
{
	struct gd__hook_ctx *g = gd__race_cur;

	if (gd__likely(g != NULL))
		gd__access_write_hot(g, (uintptr_t)p, n, pc);
}

static GD__ALWAYS_INLINE void access_any(const void *p, size_t n, unsigned kind, uintptr_t pc)
{
	struct gd__hook_ctx *g = gd__race_cur;

	if (gd__likely(g != NULL) && n > 0)
		gd__access(g, (uintptr_t)p, n, kind, pc);
}

static GD__ALWAYS_INLINE bool in_one_cell(const void *p, size_t n)
{
	return ((uintptr_t)p & 7) + n <= 8;
}

static GD__ALWAYS_INLINE void read_unaligned(const void *p, size_t n, uintptr_t pc)
{
	if (gd__likely(in_one_cell(p, n)))
		read_small(p, n, pc);
	else
		access_any(p, n, GD__ACCESS_READ, pc);
}

static GD__ALWAYS_INLINE void write_unaligned(const void *p, size_t n, uintptr_t pc)
{
	if (gd__likely(in_one_cell(p, n)))
		write_small(p, n, pc);
	else
		access_any(p, n, GD__ACCESS_WRITE, pc);
}

/*
 * A read-modify-write that is not atomic: the write covers the read. Whoever
 * races with the read races with the write as well.
 */
#define SMALL(n)                                                                                   \
	void __tsan_read##n(void *p)                                                               \
	{                                                                                          \
		read_small(p, n, RETURN_PC);                                                       \
	}                                                                                          \
	void __tsan_write##n(void *p)                                                              \
	{                                                                                          \
		write_small(p, n, RETURN_PC);                                                      \
	}                                                                                          \
	void __tsan_read##n##_pc(void *p, void *pc)                                                \
	{                                                                                          \
		read_small(p, n, (uintptr_t)pc);                                                   \
	}                                                                                          \
	void __tsan_write##n##_pc(void *p, void *pc)                                               \
	{                                                                                          \
		write_small(p, n, (uintptr_t)pc);                                                  \
	}                                                                                          \
	void __tsan_volatile_read##n(void *p)                                                      \
	{                                                                                          \
		read_small(p, n, RETURN_PC);                                                       \
	}                                                                                          \
	void __tsan_volatile_write##n(void *p)                                                     \
	{                                                                                          \
		write_small(p, n, RETURN_PC);                                                      \
	}                                                                                          \
	void __tsan_read_write##n(void *p)                                                         \
	{                                                                                          \
		write_small(p, n, RETURN_PC);                                                      \
	}

#define UNALIGNED(n)                                                                               \
	void __tsan_unaligned_read##n(const void *p)                                               \
	{                                                                                          \
		read_unaligned(p, n, RETURN_PC);                                                   \
	}                                                                                          \
	void __tsan_unaligned_write##n(void *p)                                                    \
	{                                                                                          \
		write_unaligned(p, n, RETURN_PC);                                                  \
	}                                                                                          \
	void __tsan_unaligned_volatile_read##n(const void *p)                                      \
	{                                                                                          \
		read_unaligned(p, n, RETURN_PC);                                                   \
	}                                                                                          \
	void __tsan_unaligned_volatile_write##n(void *p)                                           \
	{                                                                                          \
		write_unaligned(p, n, RETURN_PC);                                                  \
	}                                                                                          \
	void __tsan_unaligned_read_write##n(void *p)                                               \
	{                                                                                          \
		write_unaligned(p, n, RETURN_PC);                                                  \
	}

/* 16 bytes are two cells: through the general path. */
#define WIDE(name, kind)                                                                           \
	void __tsan_##name(void *p)                                                                \
	{                                                                                          \
		access_any(p, 16, kind, RETURN_PC);                                                \
	}

SMALL(1)
SMALL(2)
SMALL(4)
SMALL(8)
UNALIGNED(2)
UNALIGNED(4)
UNALIGNED(8)
WIDE(read16, GD__ACCESS_READ)
WIDE(write16, GD__ACCESS_WRITE)
WIDE(read_write16, GD__ACCESS_WRITE)
WIDE(volatile_read16, GD__ACCESS_READ)
WIDE(volatile_write16, GD__ACCESS_WRITE)
WIDE(unaligned_write16, GD__ACCESS_WRITE)
WIDE(unaligned_read_write16, GD__ACCESS_WRITE)
WIDE(unaligned_volatile_write16, GD__ACCESS_WRITE)

void __tsan_unaligned_read16(const void *p)
{
	access_any(p, 16, GD__ACCESS_READ, RETURN_PC);
}

void __tsan_unaligned_volatile_read16(const void *p)
{
	access_any(p, 16, GD__ACCESS_READ, RETURN_PC);
}

void __tsan_read16_pc(void *p, void *pc)
{
	access_any(p, 16, GD__ACCESS_READ, (uintptr_t)pc);
}

void __tsan_write16_pc(void *p, void *pc)
{
	access_any(p, 16, GD__ACCESS_WRITE, (uintptr_t)pc);
}

void __tsan_read_range(void *p, unsigned long n)
{
	access_any(p, n, GD__ACCESS_READ, RETURN_PC);
}

void __tsan_write_range(void *p, unsigned long n)
{
	access_any(p, n, GD__ACCESS_WRITE, RETURN_PC);
}

void __tsan_read_range_pc(void *p, unsigned long n, void *pc)
{
	access_any(p, n, GD__ACCESS_READ, (uintptr_t)pc);
}

void __tsan_write_range_pc(void *p, unsigned long n, void *pc)
{
	access_any(p, n, GD__ACCESS_WRITE, (uintptr_t)pc);
}

/*
 * C++ objects: a constructor or destructor that stores the pointer which is
 * there already changes nothing for others.
 */
void __tsan_vptr_update(void **vptr, void *value)
{
	if (*vptr != value)
		write_small(vptr, sizeof(*vptr), RETURN_PC);
}

void __tsan_vptr_read(void **vptr)
{
	read_small(vptr, sizeof(*vptr), RETURN_PC);
}

/* The goroutine has been asked to give way: it does so as soon as the frame is there. */
static GD__NOINLINE void enter_and_give_way(void *pc)
{
	struct gd__hook_ctx *g = gd__race_cur;

	if (g != NULL)
		gd__gctx_push(g, (uintptr_t)pc);
	gd__preempt_here();
}

/* pc: return address of the function that is being entered, i.e. the call in its caller. */
void __tsan_func_entry(void *pc)
{
	struct gd__hook_ctx *g = gd__race_cur;

	if (gd__unlikely(gd__race_preempted())) {
		enter_and_give_way(pc);
		return;
	}
	if (gd__likely(g != NULL))
		gd__gctx_push(g, (uintptr_t)pc);
}

void __tsan_func_exit(void)
{
	struct gd__hook_ctx *g = gd__race_cur;

	if (gd__likely(g != NULL))
		gd__gctx_pop(g);
}

void __tsan_ignore_thread_begin(void)
{
	struct gd__hook_ctx *g = gd__race_cur;

	if (g)
		g->ignore++;
}

void __tsan_ignore_thread_end(void)
{
	struct gd__hook_ctx *g = gd__race_cur;

	if (g && g->ignore > 0)
		g->ignore--;
}
