/*
 * socket.c - listeners, connections and addresses: TCP, UDP, Unix.
 *
 * Sockets of TCP get TCP_NODELAY, as in Go: a program that writes whole messages must not wait
 * for acknowledgements of half ones. A listener hands it on to what it accepts.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include <gdetect/error.h>
#include <gdetect/io.h>

#include "runtime/base/os_linux.h"
#include "runtime/net/fd.h"
#include "runtime/net/resolve.h"
#include "runtime/sched/sched.h"

#define BACKLOG 4096 /* the kernel cuts it at net.core.somaxconn */
#define TRIES   16   /* addresses of one name */
/* How long to wait before the queue of a Unix listener is tried again: nothing tells of it. */
#define RETRY_NS 1000000

static int option(int fd, int level, int name, int value)
{
	return (int)gd__os_call(SYS_setsockopt, fd, level, name, (long)&value, sizeof(value), 0);
}

static int family_of(const struct gd_addr *a)
{
	struct sockaddr any;

	memcpy(&any, a->bytes, sizeof(any));
	return any.sa_family;
}

/* A new socket, opened here: its descriptor, or a code. */
static int make(int family, int type)
{
	int fd = (int)gd__os_call(SYS_socket, family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, 0, 0,
				  0);
	bool tcp = type == SOCK_STREAM && family != AF_UNIX;
	int r;

	if (fd < 0)
		return gd__errno_code(fd);
	r = gd__pd_open(fd, tcp ? GD__PD_TCP : GD__PD_SOCKET);
	if (r != GD_OK) {
		gd__io_close_raw(fd);
		return r;
	}
	if (tcp)
		option(fd, IPPROTO_TCP, TCP_NODELAY, 1); /* without it all works, slower */
	return fd;
}

/* --- connections --- */

/* The queue of a Unix listener is full. */
static int wait_for_room(const struct gd__pd_use *u, int64_t until)
{
	int64_t soon = gd__clock_now() + RETRY_NS;
	int r = gd__pd_wait(u, until < soon ? until : soon);

	return r == GD_ETIMEDOUT && until > soon ? gd__pd_expired(u) : r;
}

int gd_fd_connect_until(int fd, const struct sockaddr *to, unsigned len, int64_t until)
{
	const struct gd__io_call k = { .nr = SYS_connect, .a = (long)to, .b = len };
	struct gd__pd_use u;
	bool began = false;
	int r;

	if (gd__hooks)
		gd__io_tell(GD__IO_TO, fd, to, len);
	r = gd__pd_begin(&u, fd, GD__PD_WRITE, until);
	if (r != GD_OK)
		return r;
	while (r == GD_OK) {
		long said = gd__io_once(fd, &k);

		if (said == 0 || (said == -EISCONN && began))
			break;
		if (said == -EINPROGRESS || said == -EALREADY) {
			began = true;
			r = gd__pd_wait(&u, until); /* and ask again: that tells what came of it */
		} else if (said == -EAGAIN) {
			r = wait_for_room(&u, until);
		} else {
			r = gd__errno_code(said);
		}
	}
	gd__pd_end(&u);
	return r;
}

int gd_fd_accept_until(int fd, int64_t until)
{
	const struct gd__io_call k = { .nr = SYS_accept4, .c = SOCK_NONBLOCK | SOCK_CLOEXEC };
	struct gd__pd_use u;
	int r = gd__pd_begin(&u, fd, GD__PD_READ, until), code;

	if (r != GD_OK)
		return r;
	do
		r = (int)gd__io_perform(&u, &k, until);
	while (r == GD_ERRNO(ECONNABORTED)); /* that one has gone away: the next */
	gd__io_end(&u);
	if (r < 0)
		return r;
	code = gd__pd_open(r, u.kind); /* as its listener */
	if (code != GD_OK) {
		gd__io_close_raw(r);
		return code;
	}
	if (gd__hooks)
		gd__io_tell(GD__IO_ACCEPT, fd, NULL, 0);
	return r;
}

/* A socket connected to a, or a code. */
static int dial_one(const struct gd_addr *a, int type, int64_t until)
{
	int fd = make(family_of(a), type), r;

	if (fd < 0)
		return fd;
	r = gd_fd_connect_until(fd, (const struct sockaddr *)(const void *)a->bytes, a->len, until);
	if (r == GD_OK)
		return fd;
	gd_fd_close(fd);
	return r;
}

static int dial(const char *address, int type, int64_t until)
{
	struct gd_addr found[TRIES];
	int n = gd__resolve(address, type, false, found, TRIES, until), r = n;

	for (int i = 0; i < n; i++) {
		r = dial_one(&found[i], type, until);
		if (r >= 0 || r == GD_ETIMEDOUT)
			break;
	}
	return r;
}

int gd_tcp_dial_until(const char *address, int64_t until)
{
	return dial(address, SOCK_STREAM, until);
}

int gd_udp_dial_until(const char *address, int64_t until)
{
	return dial(address, SOCK_DGRAM, until);
}

/* --- listeners --- */

/* A socket bound to a, and listening if it is of streams; or a code. */
static int listen_at(const struct gd_addr *a, int type)
{
	int fd = make(family_of(a), type), r = 0;

	if (fd < 0)
		return fd;
	if (type == SOCK_STREAM && family_of(a) != AF_UNIX)
		r = option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (r == 0 && family_of(a) == AF_INET6)
		r = option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
	if (r == 0)
		r = (int)gd__os_call(SYS_bind, fd, (long)a->bytes, a->len, 0, 0, 0);
	if (r == 0 && type == SOCK_STREAM)
		r = (int)gd__os_call(SYS_listen, fd, BACKLOG, 0, 0, 0, 0);
	if (r == 0)
		return fd;
	gd_fd_close(fd);
	return gd__errno_code(r);
}

static int listen_on(const char *address, int type)
{
	struct gd_addr found[TRIES];
	int n = gd__resolve(address, type, true, found, TRIES, GD_FOREVER), r = n;

	for (int i = 0; i < n; i++) {
		r = listen_at(&found[i], type);
		if (r >= 0)
			break;
	}
	return r;
}

int gd_tcp_listen(const char *address)
{
	return listen_on(address, SOCK_STREAM);
}

int gd_udp_listen(const char *address)
{
	return listen_on(address, SOCK_DGRAM);
}

/* --- Unix --- */

static int unix_address(const char *path, struct gd_addr *a)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	size_t n = strlen(path);
	bool abstract = path[0] == '@';

	if (n == 0 || n + !abstract > sizeof(un.sun_path))
		return GD_EINVAL;
	memcpy(un.sun_path, path, n);
	if (abstract)
		un.sun_path[0] = '\0';
	a->len = (unsigned)(offsetof(struct sockaddr_un, sun_path) + n + !abstract);
	memcpy(a->bytes, &un, sizeof(un));
	return GD_OK;
}

int gd_unix_listen(const char *path)
{
	struct gd_addr a;
	int r = unix_address(path, &a);

	return r == GD_OK ? listen_at(&a, SOCK_STREAM) : r;
}

int gd_unix_dial_until(const char *path, int64_t until)
{
	struct gd_addr a;
	int r = unix_address(path, &a);

	return r == GD_OK ? dial_one(&a, SOCK_STREAM, until) : r;
}

int gd_unix_pair(int fds[2])
{
	long r = gd__os_call(SYS_socketpair, AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
			     (long)fds, 0, 0);

	return r < 0 ? gd__errno_code(r) : gd__io_open_both(fds, GD__PD_SOCKET);
}

/* --- addresses --- */

static int name_of(int fd, long nr, struct gd_addr *a)
{
	long r;

	a->len = sizeof(a->bytes);
	r = gd__os_call(nr, fd, (long)a->bytes, (long)&a->len, 0, 0, 0);
	return r < 0 ? gd__errno_code(r) : GD_OK;
}

int gd_fd_local_addr(int fd, struct gd_addr *a)
{
	return name_of(fd, SYS_getsockname, a);
}

int gd_fd_peer_addr(int fd, struct gd_addr *a)
{
	return name_of(fd, SYS_getpeername, a);
}

int gd_fd_port(int fd)
{
	struct gd_addr a;
	int r = gd_fd_local_addr(fd, &a);
	struct sockaddr_in in;

	if (r != GD_OK)
		return r;
	memcpy(&in, a.bytes, sizeof(in)); /* the port is at the same place in both */
	return in.sin_family == AF_INET || in.sin_family == AF_INET6 ? ntohs(in.sin_port)
								     : GD_EINVAL;
}
