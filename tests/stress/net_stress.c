/*
 * net_stress.c - descriptors under everything at once.
 *
 * usage: net_stress [seconds [seed [procs]]]
 * Workers open pipes, Unix pairs and TCP connections and send a known stream through each, in
 * pieces of random sizes, while deadlines of microseconds come and go, readers try without waiting,
 * third goroutines shut a socket down under way, and the number of Ps changes. What arrives is
 * the stream so far, every call ends, every descriptor is closed at the end. (Not by third ones:
 * whoever goes on with a number that was closed uses what it was given out for next.)
 * A thread watches that things go on. The seed fixes each worker's choices, not the schedule.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gdetect/gdetect.h>

#include "tests/support/descriptors.h"

enum { WORKERS = 24, STREAM = 200000, STUCK_SECONDS = 20 };

static int64_t seconds = 5;
static uint64_t seed = 1;
static int procs = 2, listener;
static char address[32];
static gd_waitgroup group;
static unsigned char stream[STREAM];
static _Atomic bool done;
static _Atomic uint64_t streams, bytes, cut, late;

static void fail(int line, const char *what, int64_t got)
{
	fprintf(stderr,
		"net_stress.c:%d: %s (%" PRId64 ": %s); repeat: net_stress %" PRId64 " %" PRIu64
		" %d\n",
		line, what, got, gd_error_text(got), seconds, seed, procs);
	abort();
}

#define CHECK(cond, got)                                                                           \
	do {                                                                                       \
		if (!(cond))                                                                       \
			fail(__LINE__, #cond, (got));                                              \
	} while (0)

static uint32_t next(uint64_t *r)
{
	*r = *r * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*r >> 33);
}

static unsigned char byte_at(size_t i)
{
	return (unsigned char)(i * 7 + i / 256);
}

static bool is_end(int64_t r)
{
	return r == GD_ECLOSED ||
	       gd_error_errno(r) != 0; /* cut off on this side, or on the other */
}

struct end_args {
	int fd;
	uint64_t random;
	gd_waitgroup *both;
};

static void write_stream(struct end_args *a)
{
	size_t at = 0;
	int64_t r = 0;

	while (at < STREAM) {
		size_t n = 1 + next(&a->random) % 20000;

		n = n < STREAM - at ? n : STREAM - at;
		r = gd_fd_write(a->fd, stream + at, n);
		if (r < 0)
			break;
		at += n;
	}
	CHECK(at == STREAM || is_end(r), r);
	CHECK(gd_fd_close(a->fd) == GD_OK, a->fd);
	gd_waitgroup_done(a->both);
}

/* A read in one of the ways there are. */
static int64_t read_some(struct end_args *a, unsigned char *buf, size_t n)
{
	switch (next(&a->random) % 4) {
	case 0:
		return gd_fd_read_until(a->fd, buf, n, gd_now() + next(&a->random) % 50000);
	case 1:
		return gd_fd_read_until(a->fd, buf, n, GD_NO_WAIT);
	case 2:
		gd_fd_set_read_deadline(a->fd, gd_now() + next(&a->random) % 200000);
		return gd_fd_read(a->fd, buf, n);
	default:
		gd_fd_set_read_deadline(a->fd, GD_FOREVER);
		return gd_fd_read(a->fd, buf, n);
	}
}

static void read_stream(struct end_args *a)
{
	unsigned char buf[8192];
	size_t at = 0;
	int64_t r;

	for (;;) {
		r = read_some(a, buf, 1 + next(&a->random) % sizeof(buf));
		if (r == GD_ETIMEDOUT || r == GD_EAGAIN) {
			late++;
			if (r == GD_EAGAIN)
				gd_yield();
			continue;
		}
		if (r <= 0)
			break;
		for (int64_t i = 0; i < r; i++, at++)
			CHECK(buf[i] == byte_at(at), buf[i]);
	}
	CHECK(r == 0 || is_end(r), r);
	bytes += at;
	cut += at < STREAM;
	CHECK(gd_fd_close(a->fd) == GD_OK, a->fd);
	gd_waitgroup_done(a->both);
}

static void open_ends(uint32_t kind, int ends[2])
{
	int r = GD_OK;

	if (kind == 0) {
		r = gd_pipe(ends);
	} else if (kind == 1) {
		r = gd_unix_pair(ends);
	} else {
		ends[1] = gd_tcp_dial(address);
		CHECK(ends[1] >= 0, ends[1]);
		ends[0] = gd_fd_accept(listener); /* perhaps another's: ends are alike */
		r = ends[0] < 0 ? ends[0] : GD_OK;
	}
	CHECK(r == GD_OK, r);
}

static void start_ends(const int ends[2], uint64_t *random, gd_waitgroup *both)
{
	struct end_args from = { ends[0], next(random), both };
	struct end_args to = { ends[1], next(random), both };

	gd_waitgroup_add(both, 2);
	gd_go_raw((void (*)(void *))read_stream, &from, sizeof(from), "read_stream",
		  "net_stress.c");
	gd_go_raw((void (*)(void *))write_stream, &to, sizeof(to), "write_stream", "net_stress.c");
}

/* One stream after the other; some are cut off under way, through a descriptor of their own. */
static void work(void *arg)
{
	uint64_t random = seed * 1000003 + (uintptr_t)arg;
	gd_waitgroup both = { 0 };
	int ends[2];

	while (!done) {
		uint32_t kind = next(&random) % 3;
		int cut_here;

		open_ends(kind, ends);
		cut_here = kind == 1 && next(&random) % 2 ? dup(ends[next(&random) % 2]) : -1;
		start_ends(ends, &random, &both);
		if (cut_here >= 0) {
			gd_sleep(next(&random) % 300000);
			shutdown(cut_here, SHUT_RDWR);
			close(cut_here);
		}
		gd_waitgroup_wait(&both);
		streams++;
	}
	gd_waitgroup_done(&group);
}

static void *watch(void *unused)
{
	uint64_t last = 0;

	for (int still = 0; !done; still++) {
		sleep(1);
		if (last != streams + bytes)
			still = 0;
		last = streams + bytes;
		if (still > STUCK_SECONDS)
			fail(__LINE__, "nothing moves", (int64_t)streams);
	}
	return unused;
}

static void start(void *arg)
{
	uint64_t random = seed;
	int64_t end = gd_now() + seconds * GD_SECOND;
	int before, after;

	listener = gd_tcp_listen("127.0.0.1:0");
	CHECK(listener >= 0, listener);
	snprintf(address, sizeof(address), "127.0.0.1:%d", gd_fd_port(listener));
	gd_fd_wait_until(listener, false, gd_now() + 1); /* the poller has its descriptors */
	before = open_descriptors();
	gd_waitgroup_add(&group, WORKERS);
	for (uintptr_t i = 0; i < WORKERS; i++)
		gd_go_fn(work, (void *)i);
	while (gd_now() < end) {
		gd_sleep(50 * GD_MILLISECOND);
		if (procs > 1)
			gd_set_procs(1 + (int)(next(&random) % (unsigned)procs));
	}
	done = true;
	gd_waitgroup_wait(&group);
	after = open_descriptors();
	CHECK(before == after, after - before);
	printf("seed %" PRIu64 ": %" PRIu64 " streams, %" PRIu64 " MB, %" PRIu64 " cut, %" PRIu64
	       " late\n",
	       seed, streams, bytes >> 20, cut, late);
}

int main(int argc, char **argv)
{
	pthread_t watcher;

	if (argc > 1)
		seconds = strtoll(argv[1], NULL, 10);
	if (argc > 2)
		seed = strtoull(argv[2], NULL, 10);
	if (argc > 3)
		procs = (int)strtol(argv[3], NULL, 10);
	for (size_t i = 0; i < STREAM; i++)
		stream[i] = byte_at(i);
	gd_set_procs(procs);
	if (pthread_create(&watcher, NULL, watch, NULL) != 0)
		return 1;
	return gd_run(start, NULL);
}
