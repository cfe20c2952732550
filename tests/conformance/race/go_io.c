/* go_io.c - files and sockets: what the kernel carries, and the memory that it reads and writes. */
#include "tests/conformance/race/race_case.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

typedef gd_chan_of(int) int_chan;

int x;
int fd[2];
char folder[64], path[80];
int_chan c0;

static void set_up(void)
{
	c0 = gd_chan_make(int_chan, 0);
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	snprintf(folder, sizeof(folder), "%s/gdetect-XXXXXX", P_tmpdir);
	CHECK(mkdtemp(folder) != NULL);
	snprintf(path, sizeof(path), "%s/file", folder);
}

static void clean_up(void)
{
	unlink(path);
	rmdir(folder);
}

/* The file is written after x, and read before it. */
NORACE(io_file)
static void polls_file(void)
{
	char text[4] = "";

	for (;;) {
		int f = open(path, O_RDONLY);

		if (f >= 0 && read(f, text, 3) == 3) {
			close(f);
			break;
		}
		if (f >= 0)
			close(f);
		gd_yield();
	}
	x++;
}
MAIN(norace_io_file)
{
	spawn(polls_file);
	x = 42;
	int f = open(path, O_CREAT | O_WRONLY, 0600);

	CHECK_EQ(write(f, "foo", 3), 3);
	close(f);
	join();
	CHECK_EQ(x, 43);
	clean_up();
}

/* A request and its answer over a socket. */
NORACE(io_http)
static void handles_request(void)
{
	char request[16];

	CHECK_EQ(gd_syscall(read(fd[1], request, 3)), 3);
	x++;
	CHECK_EQ(write(fd[1], "200", 3), 3);
}
MAIN(norace_io_http)
{
	char answer[16];

	spawn(handles_request);
	x = 1;
	CHECK_EQ(write(fd[0], "GET", 3), 3);
	CHECK_EQ(gd_syscall(read(fd[0], answer, 3)), 3);
	x++;
	CHECK_EQ(x, 3);
	join();
	clean_up();
}

/* The consumer looks at the bytes that it was sent while the next read stores there. */
char shared_buffer[64];

RACE(issue5567)
static NOINLINE int hashes(const char *p, size_t n)
{
	int sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += p[i]; /* race */
	return sum;
}
static void hashes_buffer(void)
{
	gd_chan_recv(c0, NULL);
	USE(hashes(shared_buffer, 8));
	DONE();
}
MAIN(race_issue5567)
{
	spawn(hashes_buffer);
	CHECK_EQ(write(fd[0], "0123456789abcdef", 16), 16);
	CHECK_EQ(read(fd[1], shared_buffer, 8), 8);
	gd_chan_send(c0, 8);
	AFTER(1);
	CHECK_EQ(read(fd[1], shared_buffer, 8), 8); /* race */
	join();
	clean_up();
}

RACE(issue51618)
static NOINLINE int hashes_again(const char *p, size_t n)
{
	int sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += p[i]; /* race */
	return sum;
}
static void hashes_again_buffer(void)
{
	gd_chan_recv(c0, NULL);
	USE(hashes_again(shared_buffer, 8));
	DONE();
}
MAIN(race_issue51618)
{
	int f = open(path, O_CREAT | O_RDWR, 0600);

	spawn(hashes_again_buffer);
	CHECK_EQ(write(f, "0123456789abcdef", 16), 16);
	CHECK_EQ(pread(f, shared_buffer, 8, 0), 8);
	gd_chan_send(c0, 8);
	AFTER(1);
	CHECK_EQ(pread(f, shared_buffer, 8, 8), 8); /* race */
	close(f);
	join();
	clean_up();
}

/* The read is over before the buffer is sent on. */
NORACE(io_buffer_handed_over)
MAIN(norace_io_buffer_handed_over)
{
	char mine[8];

	spawn(hashes_buffer);
	CHECK_EQ(write(fd[0], "0123456789abcdef", 16), 16);
	CHECK_EQ(read(fd[1], shared_buffer, 8), 8);
	gd_chan_send(c0, 8);
	AFTER(1);
	CHECK_EQ(read(fd[1], mine, 8), 8);
	join();
	clean_up();
}

CONFORM_MAIN
