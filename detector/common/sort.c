/*
 * sort.c - quicksort over elements of any small size, heap sort where that goes astray.
 *
 * Of two parts the smaller one is sorted first, so that those put off are at most one per doubling.
 */
#include "detector/common/sort.h"

#include "runtime/base/fatal.h"

#define SMALL 12

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

/* As it is mostly: what was made in order lies in order. */
static bool sorted(const struct array *a, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (a->less(at(a, i), at(a, i - 1)))
			return false;
	return true;
}

static void heap_sort(const struct array *a, size_t n)
{
	for (size_t i = n / 2; i-- > 0;)
		sift(a, i, n);
	for (size_t end = n; end-- > 1;) {
		swap(a, 0, end);
		sift(a, 0, end);
	}
}

static void insertion_sort(const struct array *a, size_t n)
{
	for (size_t i = 1; i < n; i++)
		for (size_t k = i; k > 0 && a->less(at(a, k), at(a, k - 1)); k--)
			swap(a, k, k - 1);
}

/* The median of three goes to the front. */
static void choose(const struct array *a, size_t n)
{
	size_t x = 0, y = n / 2, z = n - 1, t;

	if (a->less(at(a, y), at(a, x))) {
		t = x;
		x = y;
		y = t;
	}
	if (a->less(at(a, z), at(a, y)))
		y = a->less(at(a, z), at(a, x)) ? x : z;
	swap(a, 0, y);
}

/* Returns the place of the element that what is before it does not follow, nor is followed by what
 * is behind. Equal ones are swapped, so that many of them are halved. */
static size_t split(const struct array *a, size_t n)
{
	size_t i = 0, j = n;

	choose(a, n);
	for (;;) {
		do
			i++;
		while (i < n && a->less(at(a, i), at(a, 0)));
		do
			j--;
		while (a->less(at(a, 0), at(a, j)));
		if (i >= j)
			break;
		swap(a, i, j);
	}
	swap(a, 0, j);
	return j;
}

struct part {
	struct array a;
	size_t n;
	unsigned depth; /* splits that are left */
};

void gd__sort(void *base, size_t n, size_t size, bool (*less)(const void *x, const void *y))
{
	struct part put_off[64], p = { { base, size, less }, n, 0 };
	unsigned waiting = 0;

	gd__assert(size <= GD__SORT_SIZE_MAX);
	if (sorted(&p.a, n))
		return;
	for (size_t k = n; k > 0; k /= 2)
		p.depth += 2;
	for (;;) {
		while (p.n > SMALL && p.depth > 0) {
			size_t mid = split(&p.a, p.n);
			struct part behind = p;

			p.depth = --behind.depth;
			behind.a.base = at(&p.a, mid + 1);
			behind.n = p.n - mid - 1;
			p.n = mid;
			if (behind.n > p.n) {
				struct part t = p;

				p = behind;
				behind = t;
			}
			put_off[waiting++] = p;
			p = behind;
		}
		if (p.n > SMALL)
			heap_sort(&p.a, p.n);
		else
			insertion_sort(&p.a, p.n);
		if (waiting == 0)
			return;
		p = put_off[--waiting];
	}
}
