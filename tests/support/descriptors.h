/*
 * descriptors.h - how many descriptors of this process stay open.
 *
 * A thread of the runtime or of libc may have one open for a moment while we count. So it is
 * counted several times, with pauses, and the smallest counts: what leaked is in each of them.
 * Only for moments at which the test itself opens and closes none.
 */
#ifndef GD_TESTS_SUPPORT_DESCRIPTORS_H
#define GD_TESTS_SUPPORT_DESCRIPTORS_H

#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <time.h>

static inline int descriptors_now(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	if (!d)
		abort(); /* no count is not a count of none */
	while (readdir(d))
		n++;
	closedir(d);
	return n - 3; /* ".", ".." and the folder's own */
}

static inline int open_descriptors(void)
{
	const struct timespec pause = { 0, 2000000 };
	int least = INT_MAX;

	for (int i = 0; i < 20; i++) {
		int n = descriptors_now();

		least = n < least ? n : least;
		nanosleep(&pause, NULL);
	}
	return least;
}

#endif
