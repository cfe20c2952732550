/*
 * fd_key.c - names for what descriptors lead to.
 *
 *   pipe, FIFO, file  device and inode: both ends of a pipe have the same
 *   stream socket     address it sends from and address it sends to, in this order
 *   datagram socket   address it sends to
 *   eventfd, timerfd  the descriptor's number
 *   terminal and other devices: none
 *
 * Asked anew at each call: two or three system calls of 100 ns beside the one
 * that moves the data, and no table that could go stale when a library closes
 * a descriptor behind our back. Of an internet address only the port counts,
 * because a listener's own address may be a wildcard. All unnamed local
 * sockets (socketpair) share one name: an edge too many, never one too few.
 */
#include "detector/race/fd_key.h"

#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "detector/race/keys.h"

enum { KIND_INODE = 1, KIND_STREAM, KIND_DATAGRAM, KIND_NUMBER };

/* Any address; big enough for all families we look into. */
union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
	struct sockaddr_storage storage;
};

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15u;
	return h ^ h >> 29;
}

static uintptr_t key(unsigned kind, uint64_t a, uint64_t b)
{
	return gd__key_kernel(mix(mix(mix(0, kind), a), b));
}

static uint64_t hash_address(const union address *a, socklen_t len)
{
	uint64_t h = a->any.sa_family;

	if (len < sizeof(a->any.sa_family))
		return 0;
	if (a->any.sa_family == AF_INET || a->any.sa_family == AF_INET6)
		return mix(AF_INET, a->in.sin_port); /* at the same offset in both */
	for (size_t i = offsetof(struct sockaddr_un, sun_path); i < len && i < sizeof(*a); i++)
		h = mix(h, ((const unsigned char *)a)[i]);
	return h;
}

static uint64_t name_of(int fd, int (*ask)(int, struct sockaddr *, socklen_t *))
{
	union address a = { .any.sa_family = 0 };
	socklen_t len = sizeof(a);

	return ask(fd, &a.any, &len) == 0 ? hash_address(&a, len) : 0;
}

static int own_name(int fd, struct sockaddr *a, socklen_t *len)
{
	return getsockname(fd, a, len);
}

static int peer_name(int fd, struct sockaddr *a, socklen_t *len)
{
	return getpeername(fd, a, len);
}

static uintptr_t socket_key(int fd, bool writing)
{
	int type = 0;
	socklen_t len = sizeof(type);
	uint64_t from = name_of(fd, writing ? own_name : peer_name);
	uint64_t to = name_of(fd, writing ? peer_name : own_name);

	getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len);
	return type == SOCK_DGRAM ? key(KIND_DATAGRAM, 0, to) : key(KIND_STREAM, from, to);
}

static uintptr_t fd_key(int fd, bool writing)
{
	int saved = errno;
	uintptr_t result = 0;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		goto out;
	if (S_ISSOCK(st.st_mode))
		result = socket_key(fd, writing);
	else if (S_ISFIFO(st.st_mode) || S_ISREG(st.st_mode))
		result = key(KIND_INODE, st.st_dev, st.st_ino);
	else if ((st.st_mode & S_IFMT) == 0) /* eventfd and the like share one inode */
		result = key(KIND_NUMBER, (uint64_t)fd, 0);
out:
	errno = saved;
	return result;
}

uintptr_t gd__fd_key_write(int fd)
{
	return fd_key(fd, true);
}

uintptr_t gd__fd_key_read(int fd)
{
	return fd_key(fd, false);
}

uintptr_t gd__fd_key_to(int fd, const struct sockaddr *to, unsigned len)
{
	if (!to)
		return gd__fd_key_write(fd);
	union address a = { .any.sa_family = 0 };

	memcpy(&a, to, len < sizeof(a) ? len : sizeof(a));
	return key(KIND_DATAGRAM, 0, hash_address(&a, len));
}

uintptr_t gd__fd_key_accept(int fd)
{
	int saved = errno;
	uintptr_t result = key(KIND_DATAGRAM, 0, name_of(fd, own_name));

	errno = saved;
	return result;
}

uintptr_t gd__fd_key_self(int fd)
{
	return key(KIND_NUMBER, (uint64_t)fd, 1);
}
