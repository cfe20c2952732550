/*
 * client.c - the load of the echo rows: round trips per second of one server.
 *
 * usage: client PORT CONNECTIONS
 * One thread, epoll, a closed loop: each connection has one message of 64 bytes under way and sends
 * the next when it has come back whole and unchanged. All connections are made first; counted is
 * what comes back in BENCH_MS milliseconds (1000), after half of that time to warm up.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/measure.h"

enum { MESSAGE = 64, EVENTS = 256, PATIENCE_MS = 10000 };

struct connection {
	int fd;
	uint32_t got; /* bytes of the message under way */
	uint64_t trips;
};

static void check(int ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(1);
}

/* The server may not be up yet. */
static int connect_to(int port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	struct linger at_once = { 1, 0 }; /* no TIME_WAIT: ten thousand ports are soon used up */
	int one = 1;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (int i = 0; i < PATIENCE_MS; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		check(fd >= 0, "socket");
		if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0) {
			setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
			setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
			return fd;
		}
		check(errno == ECONNREFUSED, "connect");
		close(fd);
		usleep(1000);
	}
	fprintf(stderr, "no server on port %d\n", port);
	exit(1);
}

/* A message says which of its connection it is. */
static void send_next(struct connection *c)
{
	char message[MESSAGE];

	for (size_t at = 0; at < MESSAGE; at += sizeof(c->trips))
		memcpy(message + at, &c->trips, sizeof(c->trips));
	c->got = 0;
	check(write(c->fd, message, MESSAGE) == MESSAGE, "write");
}

static void check_message(const struct connection *c, const char *part, size_t n)
{
	const char *expected = (const char *)&c->trips;

	for (size_t i = 0; i < n; i++) {
		if (part[i] == expected[(c->got + i) % sizeof(c->trips)])
			continue;
		fprintf(stderr, "not what was sent: trip %llu\n", (unsigned long long)c->trips);
		exit(1);
	}
}

/* 1 when the message is back. */
static int receive(struct connection *c)
{
	char part[MESSAGE];
	ssize_t n = read(c->fd, part, MESSAGE - c->got);

	check(n > 0, "read");
	check_message(c, part, (size_t)n);
	c->got += (uint32_t)n;
	if (c->got < MESSAGE)
		return 0;
	c->trips++;
	send_next(c);
	return 1;
}

/* Round trips until the clock is at `end`, in ns. */
static long serve_until(int ep, double end)
{
	struct epoll_event events[EVENTS];
	long trips = 0;

	while (bench_now_ns() < end) {
		int n = epoll_wait(ep, events, EVENTS, PATIENCE_MS);

		check(n > 0, "epoll_wait, or nothing came back");
		for (int i = 0; i < n; i++)
			trips += receive(events[i].data.ptr);
	}
	return trips;
}

static struct connection *connect_all(int ep, int port, long n)
{
	struct connection *all = calloc((size_t)n, sizeof(*all));

	check(all != NULL, "calloc");
	for (long i = 0; i < n; i++) {
		struct epoll_event e = { .events = EPOLLIN, .data.ptr = &all[i] };

		all[i].fd = connect_to(port);
		check(epoll_ctl(ep, EPOLL_CTL_ADD, all[i].fd, &e) == 0, "epoll_ctl");
	}
	return all;
}

int main(int argc, char **argv)
{
	double span = bench_target_ns(1000);
	int ep = epoll_create1(EPOLL_CLOEXEC);

	if (argc != 3) {
		fprintf(stderr, "usage: %s PORT CONNECTIONS\n", argv[0]);
		return 2;
	}
	check(ep >= 0, "epoll_create1");

	long n = strtol(argv[2], NULL, 10);
	struct connection *all = connect_all(ep, (int)strtol(argv[1], NULL, 10), n);

	for (long i = 0; i < n; i++)
		send_next(&all[i]);
	serve_until(ep, bench_now_ns() + span / 2);

	double start = bench_now_ns();
	long trips = serve_until(ep, start + span);

	printf("%.0f\n", (double)trips / (bench_now_ns() - start) * 1e9);
	return 0;
}
