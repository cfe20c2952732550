/*
 * libc.h - the blocking calls of libgdetect_libc, for who interposes the same functions.
 *
 * Where a detector and libgdetect_libc both take the place of read(), the
 * chain is: the program -> the detector -> gd__libc_read, which parks -> libc.
 * The detector asks here before it asks the dynamic loader.
 */
#ifndef GD_RUNTIME_HOOK_LIBC_H
#define GD_RUNTIME_HOOK_LIBC_H

/*
 * The function that parks in place of libc's name, or NULL. The symbol itself is NULL where
 * libgdetect_libc is not linked into the same file as the caller; shared libraries are chained by
 * their order.
 */
void *gd__libc_find(const char *name) __attribute__((weak, visibility("hidden")));

#endif
