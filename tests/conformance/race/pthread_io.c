/* pthread_io.c - the kernel reads and writes memory, and carries order from writer to reader. */
#include "tests/conformance/race/pthread_case.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>

static int x, fd[2], other[2];
static char buffer[16];

static void *writes(void *arg)
{
	x = 1;
	CHECK_EQ(write(fd[1], "a", 1), 1);
	return arg;
}

static void *reads(void *arg)
{
	char c;

	CHECK_EQ(read(fd[0], &c, 1), 1);
	x++;
	return arg;
}

CASE(norace_pipe)
{
	CHECK_EQ(pipe(fd), 0);
	both(writes, reads, NULL);
}

CASE(norace_socketpair)
{
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	both(writes, reads, NULL);
}

static void *closes(void *arg)
{
	x = 1;
	close(fd[1]);
	return arg;
}

static void *reads_end(void *arg)
{
	char c;

	CHECK_EQ(read(fd[0], &c, 1), 0);
	x++;
	return arg;
}

CASE(norace_end_of_file)
{
	CHECK_EQ(pipe(fd), 0);
	both(closes, reads_end, NULL);
}

/* I/O on descriptors that have nothing to do with each other orders nothing. */
static void *writes_elsewhere(void *arg)
{
	x = 1;
	CHECK_EQ(write(other[1], "b", 1), 1);
	STEP_DONE();
	return arg;
}

static void *reads_here(void *arg)
{
	char c;

	STEP_AFTER(1);
	CHECK_EQ(read(fd[0], &c, 1), 1);
	x++;
	return arg;
}

CASE(race_unrelated_descriptors)
{
	CHECK_EQ(pipe(fd), 0);
	CHECK_EQ(pipe(other), 0);
	CHECK_EQ(write(fd[1], "a", 1), 1);
	both(writes_elsewhere, reads_here, NULL);
}

static void *posts_event(void *arg)
{
	uint64_t one = 1;

	x = 1;
	CHECK_EQ(write(fd[0], &one, 8), 8);
	return arg;
}

static void *takes_event(void *arg)
{
	uint64_t n;

	CHECK_EQ(read(fd[0], &n, 8), 8);
	x++;
	return arg;
}

CASE(norace_eventfd)
{
	fd[0] = eventfd(0, 0);
	both(posts_event, takes_event, NULL);
}

/* A file opened twice is one file. */
static void *writes_file(void *arg)
{
	x = 1;
	CHECK_EQ(pwrite(fd[0], "a", 1, 0), 1);
	STEP_DONE();
	return arg;
}

static void *reads_file(void *arg)
{
	char c;

	STEP_AFTER(1);
	CHECK_EQ(pread(fd[1], &c, 1, 0), 1);
	x++;
	return arg;
}

CASE(norace_file)
{
	char name[64];

	fd[0] = memfd_create("file", 0);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd[0]);
	fd[1] = open(name, O_RDONLY);
	CHECK(fd[0] >= 0 && fd[1] >= 0);
	both(writes_file, reads_file, NULL);
}

static void *fills(void *arg)
{
	CHECK_EQ(read(fd[0], buffer, 4), 4);
	STEP_DONE();
	return arg;
}

static void *looks(void *arg)
{
	STEP_AFTER(1);
	x = buffer[3];
	return arg;
}

CASE(race_read_into_buffer)
{
	CHECK_EQ(pipe(fd), 0);
	CHECK_EQ(write(fd[1], "abcd", 4), 4);
	both(fills, looks, NULL);
}

static void *sends_buffer(void *arg)
{
	CHECK_EQ(write(fd[1], buffer, 4), 4);
	STEP_DONE();
	return arg;
}

static void *changes(void *arg)
{
	STEP_AFTER(1);
	buffer[0] = 'x';
	return arg;
}

CASE(race_write_from_buffer)
{
	CHECK_EQ(pipe(fd), 0);
	both(sends_buffer, changes, NULL);
}

static struct sockaddr_in address = { .sin_family = AF_INET };

static void *connects(void *arg)
{
	int s = socket(AF_INET, SOCK_STREAM, 0);
	char c;

	x = 1;
	CHECK_EQ(connect(s, (struct sockaddr *)&address, sizeof(address)), 0);
	CHECK_EQ(recv(s, &c, 1, 0), 1);
	x++;
	close(s);
	return arg;
}

static void *accepts(void *arg)
{
	int s = accept(fd[0], NULL, NULL);

	CHECK(s >= 0);
	x++;
	CHECK_EQ(send(s, "a", 1, 0), 1);
	close(s);
	return arg;
}

CASE(norace_tcp)
{
	socklen_t len = sizeof(address);

	fd[0] = socket(AF_INET, SOCK_STREAM, 0);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK_EQ(bind(fd[0], (struct sockaddr *)&address, sizeof(address)), 0);
	CHECK_EQ(listen(fd[0], 1), 0);
	CHECK_EQ(getsockname(fd[0], (struct sockaddr *)&address, &len), 0);
	both(connects, accepts, NULL);
}

struct watched {
	int value;
};
static struct watched watched;

static void *registers(void *arg)
{
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = &watched };

	watched.value = 1;
	CHECK_EQ(epoll_ctl(other[0], EPOLL_CTL_ADD, fd[0], &e), 0);
	return arg;
}

static void *polls(void *arg)
{
	struct epoll_event e;

	CHECK_EQ(epoll_wait(other[0], &e, 1, -1), 1);
	((struct watched *)e.data.ptr)->value++;
	return arg;
}

CASE(norace_epoll)
{
	CHECK_EQ(pipe(fd), 0);
	CHECK_EQ(write(fd[1], "a", 1), 1);
	other[0] = epoll_create1(0);
	both(registers, polls, NULL);
}

static void *prints(void *arg)
{
	x = 1;
	printf("one\n");
	STEP_DONE();
	return arg;
}

static void *prints_too(void *arg)
{
	STEP_AFTER(1);
	printf("two\n");
	x = 2;
	return arg;
}

/* The lock inside of stdout does not make programs that print race-free. */
CASE(race_both_print)
{
	both(prints, prints_too, NULL);
}

UNIT_MAIN
