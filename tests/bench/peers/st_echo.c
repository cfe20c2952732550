/*
 * st_echo.c - the server of the echo rows in State Threads: st_echo PORT. A thread of it per
 * connection, as in samples/echo_server.c, on poll: Debian builds the library without epoll.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <st.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void check(int ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(1);
}

static st_netfd_t listen_on(int port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	check(fd >= 0, "socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	check(bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0, "bind");
	check(listen(fd, SOMAXCONN) == 0, "listen");
	return st_netfd_open_socket(fd);
}

static void *serve(void *arg)
{
	st_netfd_t fd = arg;
	char buffer[4096];
	ssize_t n;

	while ((n = st_read(fd, buffer, sizeof(buffer), ST_UTIME_NO_TIMEOUT)) > 0)
		if (st_write(fd, buffer, (size_t)n, ST_UTIME_NO_TIMEOUT) != n)
			break;
	st_netfd_close(fd);
	return NULL;
}

int main(int argc, char **argv)
{
	int one = 1;

	st_set_eventsys(ST_EVENTSYS_POLL);
	check(st_init() == 0, "st_init");

	st_netfd_t listener = listen_on(argc > 1 ? (int)strtol(argv[1], NULL, 10) : 7);

	for (;;) {
		st_netfd_t fd = st_accept(listener, NULL, NULL, ST_UTIME_NO_TIMEOUT);

		check(fd != NULL, "st_accept");
		setsockopt(st_netfd_fileno(fd), IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		check(st_thread_create(serve, fd, 0, 16384) != NULL, "st_thread_create");
	}
}
