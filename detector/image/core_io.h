/*
 * core_io.h - files by raw system calls, for the writer of dumps.
 *
 * libc's read and write may be interposed by a detector in the dumped
 * process. All functions give a result or a negative errno; EINTR is retried.
 */
#ifndef GD_DETECTOR_IMAGE_CORE_IO_H
#define GD_DETECTOR_IMAGE_CORE_IO_H

#include <stddef.h>
#include <stdint.h>

/* "/proc/<pid>/<name>", read-only. */
int gd__io_open_proc(int32_t pid, const char *name);
int gd__io_open(const char *path, int flags, unsigned mode);
void gd__io_close(int fd);
/* Bytes read, 0 at the end; may be short. */
int64_t gd__io_read(int fd, void *buf, size_t n);
int64_t gd__io_pread(int fd, void *buf, size_t n, uint64_t offset);
/* All n bytes: 0. */
int gd__io_pwrite(int fd, const void *buf, size_t n, uint64_t offset);
int gd__io_truncate(int fd, uint64_t size);
int gd__io_sync(int fd);
/* Only one process at a time writes a dump to one path: -EWOULDBLOCK for the second. */
int gd__io_lock(int fd);
/* 0 if path does not exist or is a regular file. */
int gd__io_replaceable(const char *path);
int gd__io_rename(const char *from, const char *to);
void gd__io_unlink(const char *path);
/* Fills buf with the whole (small) file, cut at n. */
int64_t gd__io_slurp(int32_t pid, const char *name, void *buf, size_t n);

/* Calls visit for each entry of "/proc/<pid>/<name>" that is a number. 0 or a negative errno. */
int gd__io_numbers(int32_t pid, const char *name, void (*visit)(void *arg, int32_t number),
		   void *arg);
/* Calls visit for each thread of pid. 0 or a negative errno. */
int gd__io_tasks(int32_t pid, void (*visit)(void *arg, int32_t tid), void *arg);

#endif
