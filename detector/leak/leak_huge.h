/*
 * leak_huge.h - makes the heap cheap to copy: one entry of a page table for 512 pages.
 *
 * What the world stands still for in a forked check is the kernel's copy of the page tables. Where
 * the heap is filled densely, small pages are put together to a large one before, while everybody
 * runs. Sparse parts stay as they are, so the process hardly grows.
 */
#ifndef GD_DETECTOR_LEAK_LEAK_HUGE_H
#define GD_DETECTOR_LEAK_LEAK_HUGE_H

/*
 * Some microseconds for what is large already; else at most a quarter of a second or so, and the
 * rest is left to the next call. Does nothing for a heap below 64 MiB, and where the system
 * administrator wants no large pages. Not between begin and end; on a goroutine it is a system
 * call, which may park.
 */
void gd__leak_huge(void);

#endif
