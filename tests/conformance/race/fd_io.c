/* fd_io.c - descriptors read and written by goroutines: their edges, and the buffers they use. */
#include "tests/conformance/race/race_case.h"

int x;
char buf[8];
int p[2], q[2];

static void set_up(void)
{
	CHECK_EQ(gd_pipe(p), GD_OK);
	CHECK_EQ(gd_unix_pair(q), GD_OK);
}

/* What was done before a write is seen after the read. */
NORACE(fd_pipe)
static void writes_pipe(void)
{
	x = 1;
	CHECK_EQ(gd_fd_write(p[1], "a", 1), 1);
}
MAIN(norace_fd_pipe)
{
	spawn(writes_pipe);
	CHECK_EQ(gd_fd_read(p[0], buf, 1), 1);
	x++;
	join();
}

/* Both ways, with a reader that has parked before. */
NORACE(fd_socket)
static void answers(void)
{
	char c;

	CHECK_EQ(gd_fd_read(q[1], &c, 1), 1);
	x++;
	CHECK_EQ(gd_fd_write(q[1], &c, 1), 1);
}
MAIN(norace_fd_socket)
{
	spawn(answers);
	for (int i = 0; i < 10; i++)
		gd_yield();
	x = 1;
	CHECK_EQ(gd_fd_write(q[0], "a", 1), 1);
	CHECK_EQ(gd_fd_read(q[0], buf, 1), 1);
	CHECK_EQ(x, 2);
	join();
}

NORACE(fd_tcp)
static char address[32];
static void dials(void)
{
	int c;

	x = 1;
	c = gd_tcp_dial(address);
	CHECK(c >= 0);
	CHECK_EQ(gd_fd_read(c, buf, 1), 1);
	x++;
	gd_fd_close(c);
}
MAIN(norace_fd_tcp)
{
	int l = gd_tcp_listen("127.0.0.1:0"), s;

	snprintf(address, sizeof(address), "127.0.0.1:%d", gd_fd_port(l));
	spawn(dials);
	s = gd_fd_accept(l);
	x++;
	CHECK_EQ(gd_fd_write(s, "a", 1), 1);
	CHECK_EQ(gd_fd_read(s, buf + 1, 1), 0);
	x++;
	join();
}

NORACE(fd_close)
static void closes(void)
{
	x = 1;
	CHECK_EQ(gd_fd_close(p[1]), GD_OK);
}
MAIN(norace_fd_close)
{
	spawn(closes);
	CHECK_EQ(gd_fd_read(p[0], buf, 1), 0);
	x++;
	join();
}

/* One side through the runtime, the other with the system call. */
NORACE(fd_mixed)
static void writes_plainly(void)
{
	x = 1;
	CHECK_EQ(write(p[1], "a", 1), 1);
}
MAIN(norace_fd_mixed)
{
	spawn(writes_plainly);
	CHECK_EQ(gd_fd_read(p[0], buf, 1), 1);
	x++;
	join();
}

/* What is done after the write is not. */
RACE(fd_after)
FIRST(race_fd_after)
{
	CHECK_EQ(gd_fd_write(p[1], "a", 1), 1);
	x = 1; /* race */
}
SECOND(race_fd_after)
{
	CHECK_EQ(gd_fd_write(q[1], "a", 1), 1);
	x = 2; /* race */
}

/* The kernel writes the buffer of a read, and reads that of a write. */
RACE(fd_read_buffer)
FIRST(race_fd_read_buffer)
{
	CHECK_EQ(gd_fd_write(p[1], "a", 1), 1);
	CHECK_EQ(gd_fd_read(p[0], buf, 1), 1); /* race */
}
SECOND(race_fd_read_buffer)
{
	buf[0] = 1; /* race */
}

RACE(fd_write_buffer)
FIRST(race_fd_write_buffer)
{
	CHECK_EQ(gd_fd_write(p[1], buf, 4), 4); /* race */
}
SECOND(race_fd_write_buffer)
{
	buf[3] = 1; /* race */
}

CONFORM_MAIN
