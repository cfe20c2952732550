/*
 * find.c - the ends of the chain: our functions by name, and the next definitions after them.
 */
#include <dlfcn.h>
#include <errno.h>

#include "runtime/base/fatal.h"
#include "runtime/hook/libc.h"
#include "runtime/libc/libc.h"

static const struct {
	const char *name;
	void *fn;
} calls[] = {
#define CALL(name) { #name, (void *)gd__libc_##name },
#include "runtime/libc/calls.inc"
#undef CALL
};

/* Not strcmp: a detector's may be asking for the real strcmp. */
static bool same(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

void *gd__libc_find(const char *name)
{
	for (size_t i = 0; i < gd__countof(calls); i++)
		if (same(calls[i].name, name))
			return calls[i].fn;
	return NULL;
}

void *gd__block_next(const char *name)
{
	int saved = errno;
	void *p = dlsym(RTLD_NEXT, name);

	if (p == NULL)
		gd__fatal("the C library has no function %s", name);
	errno = saved;
	return p;
}
