/*
 * net_client.c - the other end of the server samples, with blocking calls and no runtime of ours.
 *
 *     net_client send PORT          stdin to the server, then the end; its answer to stdout
 *     net_client hold PORT          the same without the end: until the server closes
 *     net_client many PORT N ROUNDS N connections at a time, ROUNDS echoes of 64 bytes on each
 *
 * Ends with 0, or 1 and a line that says what went wrong; 77 if the limit of descriptors is too
 * low for N.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MESSAGE = 64 };

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int dial(int port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	struct linger at_once = { 1, 0 }; /* no TIME_WAIT: ten thousand ports are soon used up */
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
		die("connect");
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	return fd;
}

static void put(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t r = write(fd, p, n);

		if (r < 0)
			die("write");
		p += r;
		n -= (size_t)r;
	}
}

static int talk(int port, int ends)
{
	char buf[65536];
	ssize_t n;
	int fd = dial(port);

	while ((n = read(STDIN_FILENO, buf, sizeof(buf))) > 0)
		put(fd, buf, (size_t)n);
	if (ends)
		shutdown(fd, SHUT_WR);
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		put(STDOUT_FILENO, buf, (size_t)n);
	if (n < 0 && errno != ECONNRESET)
		die("read");
	return 0;
}

static void fill(char *m, int i, int round)
{
	memset(m, 'a' + (i + round) % 26, MESSAGE);
	memcpy(m, &i, sizeof(i));
}

static void get(int fd, const char *want)
{
	char got[MESSAGE];
	size_t at = 0;

	while (at < MESSAGE) {
		ssize_t r = read(fd, got + at, MESSAGE - at);

		if (r <= 0)
			die("the server's end");
		at += (size_t)r;
	}
	if (memcmp(got, want, MESSAGE) != 0) {
		fprintf(stderr, "another message came back\n");
		exit(1);
	}
}

static int many(int port, int n, int rounds)
{
	struct rlimit limit;
	int *fds = calloc((size_t)n, sizeof(*fds));
	char message[MESSAGE];

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur < (rlim_t)n + 10) {
		fprintf(stderr, "%ld descriptors at most: ulimit -Hn is low\n",
			(long)limit.rlim_cur);
		return 77;
	}
	for (int i = 0; i < n; i++)
		fds[i] = dial(port);
	for (int r = 0; r < rounds; r++) {
		for (int i = 0; i < n; i++) {
			fill(message, i, r);
			put(fds[i], message, MESSAGE);
		}
		for (int i = 0; i < n; i++) {
			fill(message, i, r);
			get(fds[i], message);
		}
	}
	for (int i = 0; i < n; i++)
		close(fds[i]);
	free(fds);
	printf("%d connections, %d rounds\n", n, rounds);
	return 0;
}

static int number(const char *text)
{
	return (int)strtol(text, NULL, 10);
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "send") == 0)
		return talk(number(argv[2]), 1);
	if (argc == 3 && strcmp(argv[1], "hold") == 0)
		return talk(number(argv[2]), 0);
	if (argc == 5 && strcmp(argv[1], "many") == 0)
		return many(number(argv[2]), number(argv[3]), number(argv[4]));
	fprintf(stderr, "usage: net_client send|hold PORT, net_client many PORT N ROUNDS\n");
	return 2;
}
