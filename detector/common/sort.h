/* sort.h - sorts an array in place: no memory, no recursion, O(n log n) always. */
#ifndef GD_DETECTOR_COMMON_SORT_H
#define GD_DETECTOR_COMMON_SORT_H

#include <stdbool.h>
#include <stddef.h>

/* Elements of at most this size. */
#define GD__SORT_SIZE_MAX 64

/* less(x, y): x comes before y. */
void gd__sort(void *base, size_t n, size_t size, bool (*less)(const void *x, const void *y));

#endif
