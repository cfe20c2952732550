/* link: gdetect_libc gdetect */
/*
 * socket_test.c - recv*, send*, accept*, connect: parking, timeouts, flags, addresses,
 * descriptors in messages.
 */
#include <arpa/inet.h>
#include <netdb.h>
#include <sys/time.h>

#include "tests/unit/libc/pairs.h"

static char got[16];
static struct sockaddr_storage from;
static socklen_t from_len;

static long recv_some(int fd)
{
	return recv(fd, got, sizeof(got), 0);
}

static long recvfrom_some(int fd)
{
	from_len = sizeof(from);
	return recvfrom(fd, got, sizeof(got), 0, (struct sockaddr *)&from, &from_len);
}

static long recvmsg_some(int fd)
{
	struct iovec v = { got, sizeof(got) };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };

	return recvmsg(fd, &m, 0);
}

static long recv_all(int fd)
{
	return recv(fd, got, 10, MSG_WAITALL);
}

static void start_recv(void *arg)
{
	long (*calls[])(int) = { recv_some, recvfrom_some, recvmsg_some };
	int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
	struct waiter w;
	int fds[2];

	for (int t = 0; t < 3; t++) {
		make_pair(types[t], fds);
		for (int c = 0; c < 3; c++) {
			start_waiter(&w, calls[c], fds[0]);
			CHECK_EQ(send(fds[1], "abc", 3, 0), 3);
			join_waiter(&w);
			CHECK_EQ(w.result, 3);
			CHECK(memcmp(got, "abc", 3) == 0);
		}
		CHECK_EQ(recv(fds[0], got, 4, MSG_DONTWAIT), -1);
		CHECK_EQ(errno_now(), EAGAIN);
	}
}

CASE(recv_parks)
{
	on_one_p(start_recv);
}

static void start_waitall(void *arg)
{
	struct waiter w;
	int fds[2];

	make_pair(SOCK_STREAM, fds);
	start_waiter(&w, recv_all, fds[0]);
	CHECK_EQ(send(fds[1], "12345", 5, 0), 5);
	for (int i = 0; i < 20; i++)
		gd_yield();
	CHECK_EQ(w.left, 0);
	CHECK_EQ(send(fds[1], "678901", 6, 0), 6);
	join_waiter(&w);
	CHECK_EQ(w.result, 10);
	CHECK(memcmp(got, "1234567890", 10) == 0);
	CHECK_EQ(recv(fds[0], got, 5, MSG_PEEK), 1);
	start_waiter(&w, recv_all, fds[0]);
	close(fds[1]);
	join_waiter(&w);
	CHECK_EQ(w.result, 1); /* what there was before the end */
}

CASE(recv_waits_for_all_where_asked)
{
	on_one_p(start_waitall);
}

static void start_timeout(void *arg)
{
	struct timeval tv = { 0, 30000 };
	static char much[1 << 20];
	int64_t began = gd_now();
	int fds[2];

	make_pair(SOCK_STREAM, fds);
	CHECK_EQ(setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
	CHECK_EQ(setsockopt(fds[0], SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)), 0);
	CHECK_EQ(recv(fds[0], got, 4, 0), -1);
	CHECK_EQ(errno_now(), EAGAIN);
	CHECK(gd_now() - began >= 30000000);
	CHECK_EQ(read(fds[0], got, 4), -1);
	CHECK_EQ(errno_now(), EAGAIN);
	CHECK(gd_now() - began >= 60000000);
	began = gd_now();
	CHECK(write(fds[0], much, sizeof(much)) > 0); /* in part */
	CHECK(gd_now() - began >= 30000000);
	CHECK_EQ(write(fds[0], much, sizeof(much)), -1);
	CHECK_EQ(errno_now(), EAGAIN);
}

CASE(socket_timeouts_are_kept)
{
	on_one_p(start_timeout);
}

/* UDP over loopback, with addresses. */
static void start_udp(void *arg)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) },
			   b = a;
	socklen_t len = sizeof(a);
	int one = socket(AF_INET, SOCK_DGRAM, 0), two = socket(AF_INET, SOCK_DGRAM, 0);
	struct waiter w;

	CHECK_EQ(bind(one, (struct sockaddr *)&a, len), 0);
	CHECK_EQ(getsockname(one, (struct sockaddr *)&a, &len), 0);
	CHECK_EQ(bind(two, (struct sockaddr *)&b, len), 0);
	CHECK_EQ(getsockname(two, (struct sockaddr *)&b, &len), 0);
	start_waiter(&w, recvfrom_some, one);
	CHECK_EQ(sendto(two, "hi", 2, 0, (struct sockaddr *)&a, sizeof(a)), 2);
	join_waiter(&w);
	CHECK_EQ(w.result, 2);
	CHECK_EQ(from_len, sizeof(a));
	CHECK_EQ(((struct sockaddr_in *)&from)->sin_port, b.sin_port);
	CHECK_EQ(connect(two, (struct sockaddr *)&a, sizeof(a)), 0);
	start_waiter(&w, recv_some, one);
	CHECK_EQ(send(two, "", 0, 0), 0); /* an empty datagram is one */
	join_waiter(&w);
	CHECK_EQ(w.result, 0);
}

CASE(datagrams_keep_their_addresses)
{
	on_one_p(start_udp);
}

/* An abstract name of this process's own. */
static struct sockaddr_un local_name(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(a.sun_path + 1, sizeof(a.sun_path) - 1, "gd-libc-%d", getpid());
	return a;
}

/* A local datagram socket is writable for poll even while its peer's queue is full. */
static long send_many_to(int fd)
{
	struct sockaddr_un to = local_name();
	char c = 'x';

	for (int i = 0; i < 2000; i++)
		if (sendto(fd, &c, 1, 0, (struct sockaddr *)&to, sizeof(struct sockaddr_un)) != 1)
			return -1;
	return 2000;
}

static void start_full_queue(void *arg)
{
	struct sockaddr_un at = local_name();
	int in = socket(AF_UNIX, SOCK_DGRAM, 0), out = socket(AF_UNIX, SOCK_DGRAM, 0);
	struct waiter w;

	CHECK_EQ(bind(in, (struct sockaddr *)&at, sizeof(struct sockaddr_un)), 0);
	start_waiter(&w, send_many_to, out);
	for (int i = 0; i < 2000; i++)
		CHECK_EQ(recv(in, got, 4, 0), 1);
	join_waiter(&w);
	CHECK_EQ(w.result, 2000);
}

CASE(a_full_queue_behind_a_ready_socket)
{
	on_one_p(start_full_queue);
}

static long accept_one(int fd)
{
	from_len = sizeof(from);
	return accept(fd, (struct sockaddr *)&from, &from_len);
}

static long accept4_one(int fd)
{
	return accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

static struct sockaddr_in server;

static long connect_there(int fd)
{
	return connect(fd, (struct sockaddr *)&server, sizeof(server));
}

static void start_accept(void *arg)
{
	int listener = listen_any(&server), fd;
	struct waiter w;

	start_waiter(&w, accept_one, listener);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	CHECK_EQ(connect_there(fd), 0);
	CHECK_EQ(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	join_waiter(&w);
	CHECK(w.result >= 0);
	CHECK_EQ(from.ss_family, AF_INET);
	CHECK_EQ(fcntl((int)w.result, F_GETFL) & O_NONBLOCK, 0);
	CHECK_EQ(send((int)w.result, "x", 1, 0), 1);
	CHECK_EQ(recv(fd, got, 4, 0), 1);
	start_waiter(&w, accept4_one, listener);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	CHECK_EQ(connect_there(fd), 0);
	join_waiter(&w);
	CHECK(w.result >= 0);
	CHECK_EQ(fcntl((int)w.result, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	CHECK_EQ(fcntl((int)w.result, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(fcntl(listener, F_SETFL, O_NONBLOCK), 0);
	CHECK_EQ(accept_one(listener), -1);
	CHECK_EQ(errno_now(), EAGAIN);
}

CASE(accept_parks)
{
	on_one_p(start_accept);
}

enum { WAITERS = 100 };
static _Atomic int accepted;

static void accept_and_count(void *arg)
{
	CHECK(accept(*(int *)arg, NULL, NULL) >= 0);
	atomic_fetch_add(&accepted, 1);
}

/* All on one listener, each connection for one of them; and as many in recv. */
static void start_waiters(void *arg)
{
	static struct waiter w[WAITERS];
	int listener = listen_any(&server), fds[WAITERS][2];

	for (int i = 0; i < WAITERS; i++) {
		make_pair(SOCK_STREAM, fds[i]);
		gd_go_fn(accept_and_count, &listener);
		start_waiter(&w[i], recv_some, fds[i][0]);
	}
	CHECK(workers() <= FEW);
	for (int i = 0; i < WAITERS; i++) {
		CHECK_EQ(connect_there(socket(AF_INET, SOCK_STREAM, 0)), 0);
		CHECK_EQ(send(fds[i][1], "x", 1, 0), 1);
		join_waiter(&w[i]);
	}
	while (atomic_load(&accepted) < WAITERS)
		gd_yield();
	CHECK(workers() <= FEW);
}

CASE(waiters_take_no_threads)
{
	on_one_p(start_waiters);
}

static void start_connect_errors(void *arg)
{
	int listener = listen_any(&server), fd = socket(AF_INET, SOCK_STREAM, 0);

	CHECK_EQ(accept_one(fd), -1); /* does not listen */
	CHECK_EQ(errno_now(), EINVAL);
	CHECK_EQ(accept_one(0) < 0 && errno_now() == ENOTSOCK, 1);
	CHECK_EQ(connect_there(fd), 0);
	CHECK_EQ(connect_there(fd), -1);
	CHECK_EQ(errno_now(), EISCONN);
	close(listener);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	CHECK_EQ(connect_there(fd), -1);
	CHECK_EQ(errno_now(), ECONNREFUSED);
	CHECK_EQ(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	CHECK_EQ(connect_there(0), -1);
	CHECK_EQ(errno_now(), ENOTSOCK);
}

CASE(errors_of_accept_and_connect)
{
	on_one_p(start_connect_errors);
}

/* A listener whose queue is full answers no SYN: the connection is in progress until there is room.
 */
static void start_slow_connect(void *arg)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct timeval tv = { 0, 20000 };
	socklen_t len = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM, 0), fd = -1, n;
	struct waiter w;

	CHECK_EQ(bind(listener, (struct sockaddr *)&at, len), 0);
	CHECK_EQ(listen(listener, 0), 0);
	CHECK_EQ(getsockname(listener, (struct sockaddr *)&server, &len), 0);
	for (n = 0; n < 10; n++) { /* until one has to wait */
		fd = socket(AF_INET, SOCK_STREAM, 0);
		CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)), 0);
		if (connect_there(fd) != 0)
			break;
	}
	CHECK(n < 10);
	CHECK_EQ(errno_now(), EINPROGRESS);
	close(fd);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	start_waiter(&w, connect_there, fd);
	for (int i = 0; i < n; i++)
		CHECK(accept(listener, NULL, NULL) >= 0);
	join_waiter(&w); /* the SYN is sent again after a second */
	CHECK_EQ(w.result, 0);
}

CASE(connect_parks)
{
	on_one_p(start_slow_connect);
}

static long connect_local(int fd)
{
	struct sockaddr_un to = local_name();

	return connect(fd, (struct sockaddr *)&to, sizeof(to));
}

static void start_local_connect(void *arg)
{
	struct sockaddr_un at = local_name();
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);
	struct waiter w;

	CHECK_EQ(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
	CHECK_EQ(listen(listener, 0), 0);
	CHECK_EQ(connect_local(socket(AF_UNIX, SOCK_STREAM, 0)), 0);
	start_waiter(&w, connect_local, socket(AF_UNIX, SOCK_STREAM, 0));
	CHECK(accept(listener, NULL, NULL) >= 0);
	join_waiter(&w);
	CHECK_EQ(w.result, 0);
}

CASE(a_local_connect_waits_for_the_queue)
{
	on_one_p(start_local_connect);
}

/* A descriptor travels with the first byte of a long message. */
static long send_with_descriptor(int fd)
{
	static char much[1000000];
	struct iovec v[2] = { { much, 1 }, { much + 1, sizeof(much) - 1 } };
	union {
		struct cmsghdr c;
		char room[CMSG_SPACE(sizeof(int))];
	} u = { 0 };
	struct msghdr m = {
		.msg_iov = v, .msg_iovlen = 2, .msg_control = &u, .msg_controllen = sizeof(u)
	};
	int sent = 0;

	CMSG_FIRSTHDR(&m)->cmsg_level = SOL_SOCKET;
	CMSG_FIRSTHDR(&m)->cmsg_type = SCM_RIGHTS;
	CMSG_FIRSTHDR(&m)->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), &sent, sizeof(int));
	return sendmsg(fd, &m, 0);
}

static void start_descriptor(void *arg)
{
	static char buf[50000];
	union {
		struct cmsghdr c;
		char room[CMSG_SPACE(sizeof(int))];
	} u;
	struct iovec v = { buf, sizeof(buf) };
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1, .msg_control = &u, .msg_controllen = sizeof(u)
	};
	struct waiter w;
	int fds[2];
	long sum = 0, n;

	make_pair(SOCK_STREAM, fds);
	start_waiter(&w, send_with_descriptor, fds[1]);
	n = recvmsg(fds[0], &m, MSG_CMSG_CLOEXEC);
	CHECK(n > 0);
	CHECK_EQ(m.msg_controllen, sizeof(u));
	CHECK_EQ(CMSG_FIRSTHDR(&m)->cmsg_type, SCM_RIGHTS);
	for (sum = n; sum < 1000000; sum += n) {
		m.msg_control = &u;
		m.msg_controllen = sizeof(u);
		n = recvmsg(fds[0], &m, 0);
		CHECK(n > 0);
		CHECK_EQ(m.msg_controllen, 0);
	}
	join_waiter(&w);
	CHECK_EQ(w.result, 1000000);
}

CASE(a_message_brings_its_descriptor_once)
{
	on_one_p(start_descriptor);
}

static void start_resolve(void *arg)
{
	struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM }, *list;
	char host[NI_MAXHOST];

	CHECK_EQ(getaddrinfo("localhost", "80", &hints, &list), 0);
	CHECK_EQ(((struct sockaddr_in *)list->ai_addr)->sin_addr.s_addr, htonl(INADDR_LOOPBACK));
	CHECK_EQ(getnameinfo(list->ai_addr, list->ai_addrlen, host, sizeof(host), NULL, 0,
			     NI_NUMERICHOST),
		 0);
	CHECK_STR(host, "127.0.0.1");
	freeaddrinfo(list);
	hints.ai_flags = AI_NUMERICHOST;
	CHECK_EQ(getaddrinfo("no number", NULL, &hints, &list), EAI_NONAME);
}

CASE(names_are_looked_up_on_a_large_stack)
{
	on_one_p(start_resolve);
}

UNIT_MAIN
