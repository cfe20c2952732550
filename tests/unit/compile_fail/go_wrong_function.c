/* The function's parameter must be the struct named after it. */
#include <gdetect/gdetect.h>

struct search_args {
	int replica;
};

#ifdef FIXED
static void search(struct search_args *a)
#else
static void search(int *a) /* expect: (incompatible|discard).* */
#endif
{
	(void)a;
}

void start(void);
void start(void)
{
#pragma GCC diagnostic error "-Wincompatible-pointer-types"
	gd_go(search, .replica = 1);
}
