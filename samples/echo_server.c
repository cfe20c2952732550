/*
 * echo_server - one goroutine per connection: what comes in goes out.
 *
 *     echo_server [-n CONNECTIONS] [PORT | HOST:PORT]
 *
 * Without a port it takes a free one of 127.0.0.1, and the first line on stdout says which. With -n
 * it ends when that many connections have come and gone; else on SIGINT or SIGTERM. 10,000
 * connections at a time need as many descriptors: the limit is raised as far as it goes.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <gdetect/gdetect.h>

#define BUFFER 4096

static char address[128] = "127.0.0.1:0";
static long most = -1; /* connections; -1: no limit */

static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_max < 10100)
		fprintf(stderr, "echo_server: %ld descriptors at most: ulimit -Hn is low\n",
			(long)limit.rlim_max);
}

static gd_waitgroup open_connections;

struct serve_args {
	int fd;
};

static void serve(struct serve_args *a)
{
	char buf[BUFFER];
	int64_t n;

	while ((n = gd_fd_read(a->fd, buf, sizeof(buf))) > 0)
		if (gd_fd_write(a->fd, buf, (size_t)n) < 0)
			break;
	gd_fd_close(a->fd);
	gd_waitgroup_done(&open_connections);
}

/* The next connection, also when descriptors are short for a while; or why there is none. */
static int next(int listener)
{
	for (;;) {
		int fd = gd_fd_accept(listener);

		if (fd != GD_ERRNO(EMFILE) && fd != GD_ERRNO(ENFILE))
			return fd;
		gd_sleep(10 * GD_MILLISECOND);
	}
}

struct accept_all_args {
	int listener;
};

static int bell[2]; /* a byte in this pipe ends the program */

/* Ends when the listener is closed, or enough have come and gone. */
static void accept_all(struct accept_all_args *a)
{
	for (long i = 0; most < 0 || i < most; i++) {
		int fd = next(a->listener);

		if (fd < 0)
			return;
		gd_waitgroup_add(&open_connections, 1);
		gd_go(serve, .fd = fd);
	}
	gd_waitgroup_wait(&open_connections);
	gd_fd_write(bell[1], "", 1);
}

static void on_signal(int sig)
{
	(void)sig;
	if (write(bell[1], "", 1) < 0)
		_exit(1);
}

static void start(void *arg)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_ONSTACK | SA_RESTART };
	int listener = gd_tcp_listen(address);
	int *code = arg;
	char byte;

	if (listener < 0 || gd_pipe(bell) < 0) {
		fprintf(stderr, "echo_server: %s: %s\n", address, gd_error_text(listener));
		*code = 1;
		return;
	}
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	printf("listening on port %d\n", gd_fd_port(listener));
	fflush(stdout);
	gd_go(accept_all, .listener = listener);
	gd_fd_read(bell[0], &byte, 1);
	gd_fd_close(listener);
}

static int usage(void)
{
	fprintf(stderr, "usage: echo_server [-n CONNECTIONS] [PORT | HOST:PORT]\n");
	return 2;
}

int main(int argc, char **argv)
{
	int opt, code = 0;

	while ((opt = getopt(argc, argv, "n:")) != -1) {
		if (opt != 'n')
			return usage();
		most = strtol(optarg, NULL, 10);
	}
	if (argc > optind + 1)
		return usage();
	if (argc > optind)
		snprintf(address, sizeof(address), "%s%s",
			 strchr(argv[optind], ':') ? "" : "127.0.0.1:", argv[optind]);
	raise_limit();
	gd_run(start, &code);
	return code;
}
