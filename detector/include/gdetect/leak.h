/*
 * leak.h - ask for a leak check or a dump. For programs built with -fgdetect=leak.
 */
#ifndef GDETECT_LEAK_H
#define GDETECT_LEAK_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Stops the world, looks for goroutines that can never run again, prints a
 * report for each group of them to stderr (or log_path) and goes on. Returns
 * how many goroutines are proven or owner-stuck, or a negative code if the
 * check could not be done: never read that as "none".
 */
int gd_leak_check(void);

/*
 * Writes an ELF core of this process to path while the process goes on; gleak
 * and gdb read it. An existing file is replaced only when the new one is whole.
 * GD_OK, GD_EIO (errno says why), GD_ENOMEM.
 */
int gd_dump(const char *path);

/* [p, p+n) may hold pointers although no root leads there (own mmap, shared memory). */
void gd_leak_add_root(const void *p, size_t n);
void gd_leak_remove_root(const void *p);

#ifdef __cplusplus
}
#endif
#endif
