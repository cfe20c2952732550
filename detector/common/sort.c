/* sort.c - heap sort over elements of any small size. */
#include "detector/common/sort.h"

#include "runtime/base/fatal.h"

struct array {
	char *base;
	size_t size;
	bool (*less)(const void *x, const void *y);
};

static char *at(const struct array *a, size_t i)
{
	return a->base + i * a->size;
}

static void swap(const struct array *a, size_t i, size_t j)
{
	char t[GD__SORT_SIZE_MAX];

	gd__memcpy(t, at(a, i), a->size);
	gd__memcpy(at(a, i), at(a, j), a->size);
	gd__memcpy(at(a, j), t, a->size);
}

static void sift(const struct array *a, size_t i, size_t n)
{
	for (size_t child; (child = 2 * i + 1) < n; i = child) {
		if (child + 1 < n && a->less(at(a, child), at(a, child + 1)))
			child++;
		if (!a->less(at(a, i), at(a, child)))
			return;
		swap(a, i, child);
	}
}

void gd__sort(void *base, size_t n, size_t size, bool (*less)(const void *x, const void *y))
{
	struct array a = { base, size, less };

	gd__assert(size <= GD__SORT_SIZE_MAX);
	for (size_t i = n / 2; i-- > 0;)
		sift(&a, i, n);
	for (size_t end = n; end-- > 1;) {
		swap(&a, 0, end);
		sift(&a, 0, end);
	}
}
