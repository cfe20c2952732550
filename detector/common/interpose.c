/* interpose.c - finding the functions whose place we have taken. */
#include "detector/common/interpose.h"

#include <dlfcn.h>
#include <errno.h>

#include "runtime/base/fatal.h"
#include "runtime/hook/libc.h"

void *gd__real_find(const char *name, const char *version)
{
	int saved = errno;
	void *parks = gd__libc_find ? gd__libc_find(name) : NULL;

	if (parks)
		return parks;
	void *p = version ? dlvsym(RTLD_NEXT, name, version) : dlsym(RTLD_NEXT, name);

	/* A version that this libc does not know (other architectures): take the default. */
	if (p == NULL && version)
		p = dlsym(RTLD_NEXT, name);
	if (p == NULL)
		gd__fatal("the C library has no function %s", name);
	errno = saved;
	return p;
}
