/* link: gdetect */
/* fd_test.c - reads, writes, deadlines and closes on pipes, sockets and files, over real epoll. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <gdetect/gdetect.h>

#include "tests/support/unit.h"

static void run(int procs, void (*fn)(void *))
{
	gd_set_procs(procs);
	CHECK_EQ(gd_run(fn, NULL), GD_OK);
}

typedef gd_chan_of(int64_t) result_chan;

/* --- data --- */

struct send_all_args {
	int fd;
	size_t n;
};

static unsigned char byte_at(size_t i)
{
	return (unsigned char)(i * 31 + i / 251);
}

static void send_all(struct send_all_args *a)
{
	unsigned char *data = malloc(a->n);

	for (size_t i = 0; i < a->n; i++)
		data[i] = byte_at(i);
	CHECK_EQ(gd_fd_write(a->fd, data, a->n), a->n);
	free(data);
	CHECK_EQ(gd_fd_close(a->fd), GD_OK);
}

/* Far more than the kernel buffers, in reads of odd sizes, to the end. */
static void transfer(int from, int to)
{
	const size_t n = 3000000;
	unsigned char buf[7919];
	size_t at = 0;
	int64_t r;

	gd_go(send_all, .fd = to, .n = n);
	while ((r = gd_fd_read(from, buf, 1 + at % sizeof(buf))) > 0)
		for (int64_t i = 0; i < r; i++, at++)
			if (buf[i] != byte_at(at))
				CHECK_EQ(buf[i], byte_at(at));
	CHECK_EQ(r, 0);
	CHECK_EQ(at, n);
	CHECK_EQ(gd_fd_close(from), GD_OK);
}

static void transfer_pipe(void *arg)
{
	int p[2];

	CHECK_EQ(gd_pipe(p), GD_OK);
	transfer(p[0], p[1]);
}

static void transfer_unix(void *arg)
{
	int p[2];

	CHECK_EQ(gd_unix_pair(p), GD_OK);
	transfer(p[0], p[1]);
}

static void transfer_tcp(void *arg)
{
	int l = gd_tcp_listen("127.0.0.1:0"), a, b;
	char address[32];

	CHECK(l >= 0);
	snprintf(address, sizeof(address), "127.0.0.1:%d", gd_fd_port(l));
	a = gd_tcp_dial(address);
	CHECK(a >= 0);
	b = gd_fd_accept(l);
	CHECK(b >= 0);
	transfer(a, b);
	CHECK_EQ(gd_fd_close(l), GD_OK);
}

CASE(pipe_1p)
{
	run(1, transfer_pipe);
}

CASE(pipe_4p)
{
	run(4, transfer_pipe);
}

CASE(unix_1p)
{
	run(1, transfer_unix);
}

CASE(unix_4p)
{
	run(4, transfer_unix);
}

CASE(tcp_1p)
{
	run(1, transfer_tcp);
}

CASE(tcp_4p)
{
	run(4, transfer_tcp);
}

struct write_parts_args {
	int fd, n;
	const struct iovec *iov;
};

static void write_parts(struct write_parts_args *a)
{
	CHECK_EQ(gd_fd_writev(a->fd, a->iov, a->n), 300006);
	CHECK_EQ(gd_fd_close(a->fd), GD_OK);
}

/* Through a small pipe, so that the call stops within the big part. */
static void parts(void *arg)
{
	static char big[300000], back[300006];
	struct iovec out[] = {
		{ "abc", 3 }, { "", 0 }, { big, sizeof(big) }, { "de", 2 }, { "f", 1 }
	};
	struct iovec in[] = { { back, 2 }, { back + 2, sizeof(back) - 2 } };
	size_t at = 0;
	int64_t r;
	int p[2];

	memset(big, 'x', sizeof(big));
	CHECK_EQ(gd_pipe(p), GD_OK);
	CHECK_EQ(fcntl(p[1], F_SETPIPE_SZ, 4096), 4096);
	gd_go(write_parts, .fd = p[1], .iov = out, .n = 5);
	while ((r = gd_fd_readv(p[0], in, 2)) > 0) {
		at += (size_t)r;
		in[0] = (struct iovec){ back + at, 0 };
		in[1] = (struct iovec){ back + at, sizeof(back) - at };
		if (at == sizeof(back))
			break;
	}
	CHECK_EQ(at, sizeof(back));
	CHECK(memcmp(back, "abcxxx", 6) == 0);
	CHECK(memcmp(back + sizeof(back) - 6, "xxxdef", 6) == 0);
}

CASE(parts_arrive_whole_and_in_order)
{
	run(1, parts);
}

static void full(void *arg)
{
	char back[16];
	int p[2];

	CHECK_EQ(gd_unix_pair(p), GD_OK);
	gd_go(send_all, .fd = p[1], .n = 15);
	CHECK_EQ(gd_fd_read_full(p[0], back, 10), 10);
	CHECK_EQ(gd_fd_read_full(p[0], back, 0), 0);
	CHECK_EQ(gd_fd_read_full(p[0], back, 10), GD_ERRNO(EPIPE));
}

CASE(read_full_is_all_or_a_code)
{
	run(1, full);
}

static void short_reads(void *arg)
{
	int l = gd_tcp_listen("127.0.0.1:0"), a, b;
	char address[32], buf[64];

	snprintf(address, sizeof(address), "127.0.0.1:%d", gd_fd_port(l));
	a = gd_tcp_dial(address);
	b = gd_fd_accept(l);
	for (int i = 0; i < 200; i++) { /* a short read, then data that comes with or after it */
		CHECK_EQ(gd_fd_write(a, "0123456789", 10), 10);
		CHECK_EQ(gd_fd_read(b, buf, 10), 10);
		CHECK_EQ(gd_fd_write(a, "abc", 3), 3);
		if (i % 2)
			CHECK_EQ(gd_fd_write(a, "de", 2), 2);
		CHECK_EQ(gd_fd_read(b, buf, sizeof(buf)), i % 2 ? 5 : 3);
		CHECK_EQ(gd_fd_read_until(b, buf, sizeof(buf), GD_NO_WAIT), GD_EAGAIN);
	}
	/* The end comes with the last data, before the short read. */
	CHECK_EQ(gd_fd_write(a, "end", 3), 3);
	CHECK_EQ(gd_fd_close(a), GD_OK);
	CHECK_EQ(gd_fd_read(b, buf, sizeof(buf)), 3);
	CHECK_EQ(gd_fd_read(b, buf, sizeof(buf)), 0);
	CHECK_EQ(gd_fd_read(b, buf, sizeof(buf)), 0);
}

CASE(a_short_read_of_tcp_loses_nothing)
{
	run(1, short_reads);
}

static void urgent(void *arg)
{
	int l = gd_tcp_listen("127.0.0.1:0"), a, b;
	char address[32], buf[64];

	snprintf(address, sizeof(address), "127.0.0.1:%d", gd_fd_port(l));
	a = gd_tcp_dial(address);
	b = gd_fd_accept(l);
	for (int i = 0; i < 20; i++) {
		/* the reader has parked, so the event is taken before it reads */
		gd_fd_wait(b, true);
		CHECK_EQ(gd_fd_write(a, "abc", 3), 3);
		CHECK_EQ(send(a, "!", 1, MSG_OOB), 1);
		CHECK_EQ(gd_fd_write(a, "def", 3), 3);
		gd_sleep(100 * GD_MICROSECOND);
		CHECK_EQ(gd_fd_read(b, buf, sizeof(buf)), 3); /* stops at the mark */
		CHECK_EQ(gd_fd_read(b, buf, sizeof(buf)), 3);
	}
}

CASE(urgent_data_does_not_hide_what_follows)
{
	run(1, urgent);
}

static void files(void *arg)
{
	int fd = memfd_create("file", 0), null = open("/dev/null", O_RDWR);
	char buf[8];

	CHECK(fd >= 0);
	CHECK_EQ(gd_fd_adopt(fd), GD_OK);
	CHECK_EQ(gd_fd_write(fd, "hello", 5), 5);
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	CHECK_EQ(gd_fd_read(fd, buf, sizeof(buf)), 5);
	CHECK_EQ(gd_fd_read(fd, buf, sizeof(buf)), 0);
	CHECK_EQ(gd_fd_close(fd), GD_OK);
	CHECK_EQ(fcntl(fd, F_GETFD), -1);
	CHECK_EQ(gd_fd_adopt(null), GD_OK);
	CHECK_EQ(gd_fd_write(null, "x", 1), 1);
	CHECK_EQ(gd_fd_read(null, buf, 1), 0);
	CHECK_EQ(gd_fd_close(null), GD_OK);
}

CASE(files_and_devices_that_never_wait)
{
	run(1, files);
}

/* --- contract --- */

static void strangers(void *arg)
{
	int fd = open("/dev/null", O_RDWR);
	char c;

	CHECK_EQ(gd_fd_read(fd, &c, 1), GD_ECLOSED); /* not adopted */
	CHECK_EQ(gd_fd_close(fd), GD_ECLOSED);
	CHECK_EQ(gd_fd_read(-1, &c, 1), GD_ECLOSED);
	CHECK_EQ(gd_fd_write(123456789, &c, 1), GD_ECLOSED);
	CHECK_EQ(gd_fd_set_deadline(fd, 0), GD_ECLOSED);
	CHECK_EQ(gd_fd_adopt(-1), GD_ERRNO(EBADF));
	CHECK_EQ(gd_fd_adopt(100), GD_ERRNO(EBADF));
	CHECK_EQ(gd_fd_splice(fd, fd, 1), GD_ECLOSED);
	CHECK_EQ(gd_fd_sendfile(fd, fd, NULL, 1), GD_ECLOSED);
	CHECK_EQ(gd_fd_accept(fd), GD_ECLOSED);
}

CASE(what_was_not_handed_over_is_closed_to_us)
{
	run(1, strangers);
}

static void no_reader(void *arg)
{
	int p[2];

	signal(SIGPIPE, SIG_DFL);
	CHECK_EQ(gd_pipe(p), GD_OK);
	CHECK_EQ(gd_fd_close(p[0]), GD_OK);
	CHECK_EQ(gd_fd_write(p[1], "x", 1), GD_ERRNO(EPIPE));
	CHECK_EQ(gd_unix_pair(p), GD_OK);
	CHECK_EQ(gd_fd_close(p[0]), GD_OK);
	CHECK_EQ(gd_fd_write(p[1], "x", 1), GD_ERRNO(EPIPE));
	CHECK_EQ(gd_fd_writev(p[1], &(struct iovec){ "x", 1 }, 1), GD_ERRNO(EPIPE));
	CHECK_EQ(gd_fd_sendto(p[1], "x", 1, 0, NULL, 0), GD_ERRNO(EPIPE));
}

CASE(nobody_reads_is_a_code_and_no_signal)
{
	run(2, no_reader);
}

static void deadlines(void *arg)
{
	int p[2];
	char c = 0;
	int64_t at = gd_now() + 10 * GD_MILLISECOND;

	CHECK_EQ(gd_unix_pair(p), GD_OK);
	CHECK_EQ(gd_fd_read_until(p[0], &c, 1, GD_NO_WAIT), GD_EAGAIN);
	CHECK_EQ(gd_fd_read_until(p[0], &c, 1, at), GD_ETIMEDOUT);
	CHECK(gd_now() >= at);
	/* What can be done at once is done, whatever the call's deadline; */
	CHECK_EQ(gd_fd_write(p[1], "ab", 2), 2);
	CHECK_EQ(gd_fd_read_until(p[0], &c, 1, GD_NO_WAIT), 1);
	/* but the descriptor's ends all calls. */
	CHECK_EQ(gd_fd_set_deadline(p[0], gd_now() - GD_SECOND), GD_OK);
	CHECK_EQ(gd_fd_read(p[0], &c, 1), GD_ETIMEDOUT);
	CHECK_EQ(gd_fd_write(p[0], &c, 1), GD_ETIMEDOUT);
	CHECK_EQ(gd_fd_set_write_deadline(p[0], GD_FOREVER), GD_OK);
	CHECK_EQ(gd_fd_write(p[0], &c, 1), 1);
	CHECK_EQ(gd_fd_set_read_deadline(p[0], GD_FOREVER), GD_OK);
	CHECK_EQ(gd_fd_read(p[0], &c, 1), 1);
	CHECK_EQ(c, 'b');
}

CASE(deadlines_of_calls_and_of_descriptors)
{
	run(2, deadlines);
}

static void full_pipe(void *arg)
{
	static char big[1 << 20];
	int p[2];

	CHECK_EQ(gd_pipe(p), GD_OK);
	CHECK_EQ(gd_fd_write_until(p[1], big, sizeof(big), gd_now() + 10 * GD_MILLISECOND),
		 GD_ETIMEDOUT);
	CHECK_EQ(gd_fd_write_until(p[1], big, 1, GD_NO_WAIT), GD_EAGAIN);
}

CASE(a_write_that_nobody_takes_ends_with_its_deadline)
{
	run(1, full_pipe);
}

struct read_one_args {
	int fd;
	result_chan out;
};

static void read_one(struct read_one_args *a)
{
	char c;

	gd_chan_send(a->out, gd_fd_read(a->fd, &c, 1));
}

static void closing(void *arg)
{
	result_chan out = gd_chan_make(result_chan, 0);
	int64_t r;
	int p[2];

	CHECK_EQ(gd_pipe(p), GD_OK);
	for (int i = 0; i < 5; i++)
		gd_go(read_one, .fd = p[0], .out = out);
	gd_sleep(GD_MILLISECOND);
	CHECK_EQ(gd_fd_close(p[0]), GD_OK);
	CHECK_EQ(fcntl(p[0], F_GETFD), -1);
	for (int i = 0; i < 5; i++) {
		CHECK(gd_chan_recv(out, &r));
		CHECK_EQ(r, GD_ECLOSED);
	}
	CHECK_EQ(gd_fd_close(p[0]), GD_ECLOSED);
}

CASE(a_close_ends_all_reads_1p)
{
	run(1, closing);
}

CASE(a_close_ends_all_reads_4p)
{
	run(4, closing);
}

static void new_number(void *arg)
{
	result_chan out = gd_chan_make(result_chan, 0);
	int64_t r;
	int p[2], q[2];

	CHECK_EQ(gd_pipe(p), GD_OK);
	gd_go(read_one, .fd = p[0], .out = out);
	gd_yield();
	close(p[0]); /* behind our back, and the number is given out again */
	close(p[1]);
	CHECK_EQ(gd_pipe(q), GD_OK);
	CHECK_EQ(q[0], p[0]);
	CHECK(gd_chan_recv(out, &r));
	CHECK_EQ(r, GD_ECLOSED);
	gd_go(read_one, .fd = q[0], .out = out);
	gd_yield();
	CHECK_EQ(gd_fd_write(q[1], "x", 1), 1);
	CHECK(gd_chan_recv(out, &r));
	CHECK_EQ(r, 1);
}

CASE(a_number_given_out_again_is_a_new_descriptor)
{
	run(1, new_number);
}

/* --- moving --- */

struct relay_args {
	int from, to;
	size_t n;
	result_chan done;
};

static void relay(struct relay_args *a)
{
	int64_t r = gd_fd_splice(a->from, a->to, SIZE_MAX / 2);

	CHECK_EQ(gd_fd_close(a->to), GD_OK);
	gd_chan_send(a->done, r);
}

static void splices(int in[2], int out[2])
{
	result_chan done = gd_chan_make(result_chan, 1);
	int64_t r;

	gd_go(relay, .from = in[0], .to = out[1], .done = done);
	transfer(out[0], in[1]);
	CHECK(gd_chan_recv(done, &r));
	CHECK_EQ(r, 3000000);
}

static void splice_pipes(void *arg)
{
	int a[2], b[2];

	CHECK_EQ(gd_pipe(a), GD_OK);
	CHECK_EQ(gd_pipe(b), GD_OK);
	splices(a, b);
}

static void splice_sockets(void *arg)
{
	int a[2], b[2];

	CHECK_EQ(gd_unix_pair(a), GD_OK);
	CHECK_EQ(gd_unix_pair(b), GD_OK);
	splices(a, b);
}

static void splice_mixed(void *arg)
{
	int a[2], b[2];

	CHECK_EQ(gd_unix_pair(a), GD_OK);
	CHECK_EQ(gd_pipe(b), GD_OK);
	splices(a, b);
}

CASE(splice_pipe_to_pipe)
{
	run(2, splice_pipes);
}

CASE(splice_socket_to_socket)
{
	run(2, splice_sockets);
}

CASE(splice_socket_to_pipe)
{
	run(1, splice_mixed);
}

struct send_file_args {
	int to, file;
};

static void send_file(struct send_file_args *a)
{
	int64_t at = 100;

	CHECK_EQ(gd_fd_sendfile(a->to, a->file, &at, 2000000), 999900);
	CHECK_EQ(at, 1000000);
	CHECK_EQ(gd_fd_close(a->to), GD_OK);
}

static void sendfiles(void *arg)
{
	static unsigned char data[1000000], back[1000000];
	int file = memfd_create("file", 0), p[2];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = byte_at(i);
	CHECK_EQ(write(file, data, sizeof(data)), sizeof(data));
	CHECK_EQ(gd_unix_pair(p), GD_OK);
	gd_go(send_file, .to = p[1], .file = file);
	CHECK_EQ(gd_fd_read_full(p[0], back, 999900), 999900);
	CHECK(memcmp(back, data + 100, 999900) == 0);
	CHECK_EQ(gd_fd_read(p[0], back, 1), 0);
}

CASE(sendfile_from_a_place_to_the_end)
{
	run(2, sendfiles);
}

UNIT_MAIN
