/* interpose_new_test.c - operator new gives blocks that are known, and delete takes them back. */
#include "detector/common/heap.h"
#include "tests/support/unit.h"

void *_Znwm(size_t n);
void *_Znam(size_t n);
void *_ZnwmRKSt9nothrow_t(size_t n, const void *tag);
void *_ZnwmSt11align_val_t(size_t n, size_t align);
void _ZdlPv(void *p);
void _ZdaPvm(void *p, size_t n);
void _ZdlPvSt11align_val_t(void *p, size_t align);

static bool known(const void *p, size_t size)
{
	struct gd__block b;

	return gd__heap_find((uintptr_t)p, &b) && b.size == size;
}

CASE(a_block_of_new_is_known)
{
	char *p = _Znwm(40), *q = _Znam(100), *r = _ZnwmRKSt9nothrow_t(0, NULL);

	CHECK(known(p + 39, 40));
	CHECK(known(q, 100));
	CHECK(r != NULL);
	_ZdlPv(p);
	CHECK(!known(p, 40));
	_ZdaPvm(q, 100);
	CHECK(!known(q, 100));
	_ZdlPv(r);
	_ZdlPv(NULL);
}

CASE(new_is_aligned)
{
	char *p = _ZnwmSt11align_val_t(100, 256);

	CHECK_EQ((uintptr_t)p % 256, 0);
	CHECK(known(p + 99, 100));
	_ZdlPvSt11align_val_t(p, 256);
	CHECK(!known(p, 100));
}

CASE(nothrow_gives_null)
{
	/* Not by its name: clang knows it, and drops a call whose block is not used. */
	void *(*volatile make)(size_t, const void *) = _ZnwmRKSt9nothrow_t;

	CHECK(make(SIZE_MAX / 2, NULL) == NULL);
}

UNIT_MAIN
