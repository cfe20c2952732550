/*
 * epoll_server.c - the floor of the echo rows: what epoll and the system calls alone cost.
 *
 * usage: epoll_server PORT
 * One thread, level-triggered; what is read is written at once. No deadlines, no state of a
 * connection, and a slow reader holds up all the others: nobody would run it as a server.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static void check(int ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(1);
}

static int listen_on(int port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	check(fd >= 0, "socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	check(bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0, "bind");
	check(listen(fd, SOMAXCONN) == 0, "listen");
	return fd;
}

static void watch(int ep, int fd)
{
	struct epoll_event e = { .events = EPOLLIN, .data.fd = fd };

	check(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e) == 0, "epoll_ctl");
}

static void take(int ep, int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC), one = 1;

	check(fd >= 0, "accept4");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	watch(ep, fd);
}

static void echo(int fd)
{
	char buffer[4096];
	ssize_t n = read(fd, buffer, sizeof(buffer));

	if (n <= 0 || write(fd, buffer, (size_t)n) != n)
		close(fd);
}

int main(int argc, char **argv)
{
	struct epoll_event events[256];
	int ep = epoll_create1(EPOLL_CLOEXEC);
	int listener = listen_on(argc > 1 ? (int)strtol(argv[1], NULL, 10) : 7);

	check(ep >= 0, "epoll_create1");
	watch(ep, listener);
	for (;;) {
		int n = epoll_wait(ep, events, 256, -1);

		check(n >= 0, "epoll_wait");
		for (int i = 0; i < n; i++) {
			if (events[i].data.fd == listener)
				take(ep, listener);
			else
				echo(events[i].data.fd);
		}
	}
}
