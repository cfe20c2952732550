/*
 * keys.h - names of sync objects that are not simply the address of one.
 *
 * The sync table is indexed by address. Where one address means two things,
 * the second gets a name outside of the user's address space.
 */
#ifndef GD_DETECTOR_RACE_KEYS_H
#define GD_DETECTOR_RACE_KEYS_H

#include <stdint.h>

/*
 * Annotations (gd_race_release, __tsan_release, __tsan_mutex_*). Not the plain
 * address: an atomic variable may lie there, and a relaxed store to it drops
 * what the variable carries.
 */
static inline uintptr_t gd__key_note(const void *addr)
{
	return (uintptr_t)addr ^ (uintptr_t)1 << 62;
}

/* What readers of a read-write lock released; the lock's own address has the writers' clock. */
static inline uintptr_t gd__key_readers(const void *lock)
{
	return (uintptr_t)lock ^ (uintptr_t)1 << 61;
}

/* Things of the kernel: pipes, files, sockets. hash: any 60 bits. */
static inline uintptr_t gd__key_kernel(uint64_t hash)
{
	return (uintptr_t)(hash >> 4 | (uint64_t)3 << 60) & ~(uintptr_t)7;
}

#endif
