/* link: gdetect_libc gdetect */
/*
 * stream_test.c - read, write and their vectors on pipes, sockets, files and terminals.
 */
#include <pty.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <unistd.h>

#include "runtime/libc/libc.h"
#include "tests/unit/libc/pairs.h"

static char got[8];

static long read_four(int fd)
{
	return read(fd, got, 4);
}

static long readv_four(int fd)
{
	struct iovec v[2] = { { got, 1 }, { got + 1, 3 } };

	return readv(fd, v, 2);
}

static void read_on(long (*call)(int), const int fds[2])
{
	struct waiter w;

	memset(got, 0, sizeof(got));
	start_waiter(&w, call, fds[0]);
	CHECK_EQ(write(fds[1], "abcd", 4), 4);
	join_waiter(&w);
	CHECK_EQ(w.result, 4);
	CHECK_STR(got, "abcd");
	CHECK_EQ(fcntl(fds[0], F_GETFL) & O_NONBLOCK, 0);
	start_waiter(&w, call, fds[0]);
	CHECK_EQ(write(fds[1], "xy", 2), 2);
	join_waiter(&w);
	CHECK_EQ(w.result, 2);
	start_waiter(&w, call, fds[0]);
	close(fds[1]);
	join_waiter(&w);
	CHECK_EQ(w.result, 0);
	close(fds[0]);
}

static void start_reads(void *arg)
{
	int fds[2];

	CHECK_EQ(pipe(fds), 0);
	read_on(read_four, fds);
	CHECK_EQ(pipe(fds), 0);
	read_on(readv_four, fds);
	make_pair(SOCK_STREAM, fds);
	read_on(read_four, fds);
	make_pair(SOCK_STREAM, fds);
	read_on(readv_four, fds);
}

CASE(read_parks)
{
	on_one_p(start_reads);
}

static void start_reads_without_nowait(void *arg)
{
	int fds[2];

	gd__block_no_nowait = true;
	CHECK_EQ(pipe(fds), 0);
	read_on(read_four, fds);
	CHECK_EQ(pipe(fds), 0);
	read_on(readv_four, fds);
}

CASE(read_parks_where_the_kernel_cannot_be_asked)
{
	on_one_p(start_reads_without_nowait);
}

/* More than any buffer takes: the write ends when all of it is in the kernel. */
enum { MUCH = 3000000 };
static char much[MUCH];

static long write_much(int fd)
{
	return write(fd, much, MUCH);
}

static long writev_much(int fd)
{
	struct iovec v[5] = { { much, 10 },
			      { much + 10, 0 },
			      { much + 10, MUCH / 2 },
			      { much + 10 + MUCH / 2, 99 },
			      { much + 109 + MUCH / 2, MUCH - 109 - MUCH / 2 } };

	return writev(fd, v, 5);
}

static void write_on(long (*call)(int), const int fds[2])
{
	struct waiter w;
	static char buf[70001];
	long sum = 0, n;

	for (long i = 0; i < MUCH; i++)
		much[i] = (char)(i * 7 + i / 1000);
	start_waiter(&w, call, fds[1]);
	while (sum < MUCH) {
		n = read(fds[0], buf, sizeof(buf));
		CHECK(n > 0);
		CHECK(memcmp(buf, much + sum, (size_t)n) == 0);
		sum += n;
	}
	join_waiter(&w);
	CHECK_EQ(w.result, MUCH);
	close(fds[0]);
	close(fds[1]);
}

static void start_writes(void *arg)
{
	int fds[2];

	CHECK_EQ(pipe(fds), 0);
	write_on(write_much, fds);
	CHECK_EQ(pipe(fds), 0);
	write_on(writev_much, fds);
	make_pair(SOCK_STREAM, fds);
	write_on(write_much, fds);
	make_pair(SOCK_STREAM, fds);
	write_on(writev_much, fds);
}

CASE(a_write_blocks_until_all_is_written)
{
	on_one_p(start_writes);
}

static void start_writes_without_nowait(void *arg)
{
	int fds[2];

	gd__block_no_nowait = true;
	CHECK_EQ(pipe(fds), 0);
	write_on(write_much, fds);
	CHECK_EQ(pipe(fds), 0);
	write_on(writev_much, fds);
}

CASE(a_long_write_where_the_kernel_cannot_be_asked)
{
	on_one_p(start_writes_without_nowait);
}

static void start_broken(void *arg)
{
	struct waiter w;
	int fds[2];

	signal(SIGPIPE, SIG_IGN);
	make_pair(SOCK_STREAM, fds);
	start_waiter(&w, write_much, fds[1]);
	close(fds[0]);
	join_waiter(&w);
	CHECK(w.result > 0 && w.result < MUCH); /* what went before the end */
	CHECK_EQ(write(fds[1], "x", 1), -1);
	CHECK_EQ(errno_now(), EPIPE);
	CHECK_EQ(pipe(fds), 0);
	start_waiter(&w, write_much, fds[1]);
	close(fds[0]);
	join_waiter(&w);
	CHECK(w.result > 0 && w.result < MUCH);
	CHECK_EQ(write(fds[1], "x", 1), -1);
	CHECK_EQ(errno_now(), EPIPE);
}

CASE(a_reader_that_goes_away_ends_the_write)
{
	on_one_p(start_broken);
}

static void start_nonblocking(void *arg)
{
	int fds[2];

	CHECK_EQ(pipe2(fds, O_NONBLOCK), 0);
	CHECK_EQ(read(fds[0], got, 4), -1);
	CHECK_EQ(errno_now(), EAGAIN);
	while (write(fds[1], much, 65536) == 65536)
		;
	CHECK_EQ(write(fds[1], much, 65536), -1);
	CHECK_EQ(errno_now(), EAGAIN);
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	CHECK_EQ(read(fds[0], got, 4), -1);
	CHECK_EQ(errno_now(), EAGAIN);
	CHECK_EQ(fcntl(fds[0], F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	gd__block_no_nowait = true;
	CHECK_EQ(pipe2(fds, O_NONBLOCK), 0);
	CHECK_EQ(read(fds[0], got, 4), -1);
	CHECK_EQ(errno_now(), EAGAIN);
}

CASE(a_nonblocking_descriptor_says_eagain)
{
	on_one_p(start_nonblocking);
}

static void start_errors(void *arg)
{
	struct iovec v = { got, 4 };
	volatile int minus_one = -1; /* compilers complain of such calls where they see them */
	char *volatile nowhere = (char *)8;
	int fds[2];

	CHECK_EQ(read(-1, got, 4), -1);
	CHECK_EQ(errno_now(), EBADF);
	CHECK_EQ(write(1000, got, 4), -1);
	CHECK_EQ(errno_now(), EBADF);
	CHECK_EQ(readv(0, &v, minus_one), -1);
	CHECK_EQ(errno_now(), EINVAL);
	CHECK_EQ(pipe(fds), 0);
	CHECK_EQ(read(fds[1], got, 4), -1);
	CHECK_EQ(errno_now(), EBADF);
	CHECK_EQ(read(fds[0], got, 0), 0);
	CHECK_EQ(write(fds[1], got, 1), 1);
	CHECK_EQ(read(fds[0], nowhere, 4), -1);
	CHECK_EQ(errno_now(), EFAULT);
	fds[0] = open("/", O_RDONLY);
	CHECK_EQ(read(fds[0], got, 4), -1);
	CHECK_EQ(errno_now(), EISDIR);
}

CASE(errors_are_the_kernels)
{
	on_one_p(start_errors);
}

static void start_files(void *arg)
{
	char back[100];
	int fd = memfd_create("file", 0), zero = open("/dev/zero", O_RDWR),
	    null = open("/dev/null", O_RDWR);

	CHECK(fd >= 0 && zero >= 0 && null >= 0);
	CHECK_EQ(write(fd, "hello world", 11), 11);
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	CHECK_EQ(read(fd, back, sizeof(back)), 11);
	CHECK_EQ(read(fd, back, sizeof(back)), 0);
	CHECK_EQ(pread(fd, back, 5, 6), 5);
	CHECK(memcmp(back, "world", 5) == 0);
	CHECK_EQ(read(zero, back, sizeof(back)), sizeof(back));
	CHECK_EQ(back[50], 0);
	CHECK_EQ(read(null, back, sizeof(back)), 0);
	CHECK_EQ(write(null, back, sizeof(back)), sizeof(back));
}

CASE(files_and_devices_work)
{
	on_one_p(start_files);
}

static void start_terminal(void *arg)
{
	struct waiter w;
	int master, slave;

	if (openpty(&master, &slave, NULL, NULL, NULL) != 0)
		return; /* no /dev/pts here */
	start_waiter(&w, read_four, slave);
	CHECK_EQ(write(master, "ab\n", 3), 3);
	join_waiter(&w);
	CHECK_EQ(w.result, 3);
}

CASE(a_terminal_parks)
{
	on_one_p(start_terminal);
}

enum { READERS = 1000 };
static _Atomic int done;

struct reader_args {
	int fd;
};

static void reader(struct reader_args *a)
{
	char c;

	CHECK_EQ(read(a->fd, &c, 1), 1);
	CHECK_EQ(c, 'x');
	close(a->fd);
	atomic_fetch_add(&done, 1);
}

static void start_readers(void *arg)
{
	static int ends[READERS];
	int fds[2];

	for (int i = 0; i < READERS; i++) {
		if (i % 2)
			make_pair(SOCK_STREAM, fds);
		else
			CHECK_EQ(pipe(fds), 0);
		ends[i] = fds[1];
		gd_go(reader, .fd = fds[0]);
	}
	for (int i = 0; i < 100; i++)
		gd_yield();
	CHECK(workers() <= FEW);
	for (int i = READERS - 1; i >= 0; i--)
		CHECK_EQ(write(ends[i], "x", 1), 1);
	while (atomic_load(&done) < READERS)
		gd_yield();
	CHECK(workers() <= FEW);
}

CASE(a_thousand_readers_take_no_threads)
{
	struct rlimit files;

	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &files), 0);
	files.rlim_cur = files.rlim_max < 4096 ? files.rlim_max : 4096;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &files), 0);
	on_one_p(start_readers);
}

/* Several that read from one: each gets its share, none is lost. */
static void start_shared(void *arg)
{
	int fds[2];

	CHECK_EQ(pipe(fds), 0);
	atomic_store(&done, 0);
	for (int i = 0; i < 50; i++)
		gd_go(reader, .fd = dup(fds[0]));
	for (int i = 0; i < 20; i++)
		gd_yield();
	for (int i = 0; i < 50; i++)
		CHECK_EQ(write(fds[1], "x", 1), 1);
	while (atomic_load(&done) < 50)
		gd_yield();
}

CASE(readers_of_one_pipe_share_it)
{
	on_one_p(start_shared);
}

UNIT_MAIN
