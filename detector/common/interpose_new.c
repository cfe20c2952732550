/*
 * interpose_new.c - operator new and delete of C++, over our malloc.
 *
 * libjemalloc has them too and comes before libstdc++ where g++ links: its blocks would have no
 * record, and what only they point to would look lost. The names are the mangled ones of size_t =
 * unsigned long. An allocation that fails calls the program's new handler, then throws, both
 * through libstdc++, which is there wherever C++ is.
 */
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>

#include "detector/common/interpose.h"
#include "runtime/base/compiler.h"
#include "runtime/base/fatal.h"

#define MALLOC_ALIGN 16

typedef void handler(void);

__attribute__((weak)) handler *gd__cxx_new_handler(void) __asm__("_ZSt15get_new_handlerv");
__attribute__((weak)) void gd__cxx_bad_alloc(void) __asm__("_ZSt17__throw_bad_allocv");

static GD__ALWAYS_INLINE void *take(size_t n, size_t align)
{
	return align <= MALLOC_ALIGN ? malloc(n) : memalign(align, n);
}

/* No memory: the handler may free some, throw, or end the program. false: there is none. */
static bool handled(void)
{
	handler *h = gd__cxx_new_handler ? gd__cxx_new_handler() : NULL;

	if (h)
		h();
	return h != NULL;
}

static GD__ALWAYS_INLINE void *get(size_t n, size_t align)
{
	void *p;

	while ((p = take(n, align)) == NULL)
		if (!handled()) {
			if (gd__cxx_bad_alloc)
				gd__cxx_bad_alloc();
			gd__fatal("operator new: no memory");
		}
	return p;
}

/* nothrow: a handler that throws is beyond us. */
static GD__ALWAYS_INLINE void *get_or_null(size_t n, size_t align)
{
	void *p;

	while ((p = take(n, align)) == NULL)
		if (!handled())
			return NULL;
	return p;
}

#define NEW(name, args, expression)                                                                \
	void *name args;                                                                           \
	void *name args                                                                            \
	{                                                                                          \
		return expression;                                                                 \
	}
#define DELETE(name, args)                                                                         \
	void name args;                                                                            \
	void name args                                                                             \
	{                                                                                          \
		free(p);                                                                           \
	}

NEW(_Znwm, (size_t n), get(n, 0))
NEW(_Znam, (size_t n), get(n, 0))
NEW(_ZnwmRKSt9nothrow_t, (size_t n, const void *tag), get_or_null(n, 0))
NEW(_ZnamRKSt9nothrow_t, (size_t n, const void *tag), get_or_null(n, 0))
NEW(_ZnwmSt11align_val_t, (size_t n, size_t align), get(n, align))
NEW(_ZnamSt11align_val_t, (size_t n, size_t align), get(n, align))
NEW(_ZnwmSt11align_val_tRKSt9nothrow_t, (size_t n, size_t align, const void *tag),
    get_or_null(n, align))
NEW(_ZnamSt11align_val_tRKSt9nothrow_t, (size_t n, size_t align, const void *tag),
    get_or_null(n, align))
DELETE(_ZdlPv, (void *p))
DELETE(_ZdaPv, (void *p))
DELETE(_ZdlPvm, (void *p, size_t n))
DELETE(_ZdaPvm, (void *p, size_t n))
DELETE(_ZdlPvRKSt9nothrow_t, (void *p, const void *tag))
DELETE(_ZdaPvRKSt9nothrow_t, (void *p, const void *tag))
DELETE(_ZdlPvSt11align_val_t, (void *p, size_t align))
DELETE(_ZdaPvSt11align_val_t, (void *p, size_t align))
DELETE(_ZdlPvmSt11align_val_t, (void *p, size_t n, size_t align))
DELETE(_ZdaPvmSt11align_val_t, (void *p, size_t n, size_t align))
DELETE(_ZdlPvSt11align_val_tRKSt9nothrow_t, (void *p, size_t align, const void *tag))
DELETE(_ZdaPvSt11align_val_tRKSt9nothrow_t, (void *p, size_t align, const void *tag))
