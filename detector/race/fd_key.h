/*
 * fd_key.h - what a descriptor leads to, as a name for a sync object.
 *
 * Two descriptors get the same name if what is written to one can be read from
 * the other: both ends of a pipe, two opens of a file, the two ends of a
 * connection. Unrelated ones get different names, so that I/O orders nothing else.
 */
#ifndef GD_DETECTOR_RACE_FD_KEY_H
#define GD_DETECTOR_RACE_FD_KEY_H

#include <stdbool.h>
#include <stdint.h>

struct sockaddr;

/* Name of what a write to fd fills, or of what a read from fd empties; 0: nothing. Keeps errno. */
uintptr_t gd__fd_key_write(int fd);
uintptr_t gd__fd_key_read(int fd);
/* Datagrams sent to this address, connections made to it. NULL: as gd__fd_key_write. */
uintptr_t gd__fd_key_to(int fd, const struct sockaddr *to, unsigned len);
/* Connections accepted by this listening socket. */
uintptr_t gd__fd_key_accept(int fd);
/* The descriptor itself: epoll instances. */
uintptr_t gd__fd_key_self(int fd);

#endif
