/* gd_go names the fields of the function's own argument struct. */
#include <gdetect/gdetect.h>

struct search_args {
	int replica;
};

static void search(struct search_args *a)
{
	(void)a;
}

void start(void);
void start(void)
{
#ifdef FIXED
	gd_go(search, .replica = 1);
#else
	gd_go(search, .shard = 1); /* expect: no member named|does not refer to any field */
#endif
}
