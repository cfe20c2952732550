/* link: gdetect */
/* socket_test.c - listeners, connections, datagrams and names. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <gdetect/gdetect.h>

#include "tests/support/unit.h"

static void run(void (*fn)(void *))
{
	gd_set_procs(2);
	CHECK_EQ(gd_run(fn, NULL), GD_OK);
}

typedef gd_chan_of(int) int_chan;

struct dial_args {
	char address[GD_ADDR_TEXT];
	int_chan out;
};

static void dial(struct dial_args *a)
{
	gd_chan_send(a->out, gd_tcp_dial(a->address));
}

/* A connection through listener l, dialled under this host: both ends. */
static void connect_through(int l, const char *host, int ends[2])
{
	int_chan out = gd_chan_make(int_chan, 0);
	struct dial_args a = { .out = out };

	snprintf(a.address, sizeof(a.address), "%s:%d", host, gd_fd_port(l));
	gd_go_raw((void (*)(void *))dial, &a, sizeof(a), "dial", "socket_test.c");
	ends[1] = gd_fd_accept(l);
	CHECK(gd_chan_recv(out, &ends[0]));
	gd_chan_unref(out);
	CHECK(ends[0] >= 0);
	CHECK(ends[1] >= 0);
}

static void hosts(void *arg)
{
	static const char *const names[] = { "127.0.0.1", "localhost", "" };
	int l = gd_tcp_listen(":0"), ends[2], value;
	socklen_t len = sizeof(value);
	char c;

	CHECK(l >= 0);
	for (size_t i = 0; i < 3; i++) {
		connect_through(l, names[i], ends);
		CHECK_EQ(gd_fd_write(ends[0], "x", 1), 1);
		CHECK_EQ(gd_fd_read(ends[1], &c, 1), 1);
		for (int k = 0; k < 2; k++) {
			CHECK_EQ(getsockopt(ends[k], IPPROTO_TCP, TCP_NODELAY, &value, &len), 0);
			CHECK(value != 0);
			CHECK((fcntl(ends[k], F_GETFL) & O_NONBLOCK) != 0);
			CHECK((fcntl(ends[k], F_GETFD) & FD_CLOEXEC) != 0);
			CHECK_EQ(gd_fd_close(ends[k]), GD_OK);
		}
	}
}

CASE(tcp_by_number_name_and_default)
{
	run(hosts);
}

static void refused(void *arg)
{
	char address[32];
	int l = gd_tcp_listen("127.0.0.1:0");

	snprintf(address, sizeof(address), "127.0.0.1:%d", gd_fd_port(l));
	CHECK_EQ(gd_tcp_listen(address), GD_ERRNO(EADDRINUSE));
	CHECK_EQ(gd_fd_close(l), GD_OK);
	CHECK_EQ(gd_tcp_dial(address), GD_ERRNO(ECONNREFUSED));
	CHECK_EQ(gd_tcp_dial("127.0.0.1"), GD_EINVAL);
	CHECK_EQ(gd_tcp_dial("127.0.0.1:"), GD_EINVAL);
	CHECK_EQ(gd_tcp_dial("::1:80"), GD_EINVAL);
	CHECK_EQ(gd_tcp_dial("no-such-host.invalid:80") < 0, true);
	CHECK_EQ(gd_tcp_dial("127.0.0.1:99999") < 0, true);
	CHECK_EQ(gd_unix_dial("/nonexistent/socket"), GD_ERRNO(ENOENT));
	CHECK_EQ(gd_unix_listen(""), GD_EINVAL);
	CHECK_STR(gd_error_text(GD_ERRNO(ECONNREFUSED)), "Connection refused");
	CHECK_EQ(gd_error_errno(GD_ERRNO(ECONNREFUSED)), ECONNREFUSED);
	CHECK_EQ(gd_error_errno(GD_ECLOSED), 0);
	CHECK_STR(gd_error_text(GD_ERRNO(4000)), "unknown error");
}

CASE(refusals_say_why)
{
	run(refused);
}

static void nobody_answers(void *arg)
{
	/* A listener that does not accept: the queue of connections fills up. */
	int l = socket(AF_INET, SOCK_STREAM, 0), fds[64];
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(in);
	char address[32];
	int r = 0;

	CHECK_EQ(bind(l, (struct sockaddr *)&in, sizeof(in)), 0);
	CHECK_EQ(listen(l, 0), 0);
	CHECK_EQ(getsockname(l, (struct sockaddr *)&in, &len), 0);
	snprintf(address, sizeof(address), "127.0.0.1:%d", ntohs(in.sin_port));
	for (int i = 0; i < 64 && r >= 0; i++)
		r = fds[i] = gd_tcp_dial_until(address, gd_now() + 20 * GD_MILLISECOND);
	CHECK_EQ(r, GD_ETIMEDOUT);
}

CASE(a_dial_ends_with_its_deadline)
{
	run(nobody_answers);
}

static void no_descriptors(void *arg)
{
	struct rlimit limit;
	int l = gd_tcp_listen("127.0.0.1:0"), ends[2], held;
	char address[32];

	snprintf(address, sizeof(address), "127.0.0.1:%d", gd_fd_port(l));
	connect_through(l, "127.0.0.1", ends);
	CHECK_EQ(gd_fd_close(ends[1]), GD_OK);
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
	held = gd_tcp_dial(address); /* in the queue of the listener */
	CHECK(held >= 0);
	limit.rlim_cur = (rlim_t)held + 1;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	while (open("/dev/null", O_RDONLY) >= 0)
		;
	CHECK_EQ(gd_fd_accept(l), GD_ERRNO(EMFILE));
	CHECK_EQ(gd_tcp_dial(address), GD_ERRNO(EMFILE));
	CHECK_EQ(gd_pipe(ends), GD_ERRNO(EMFILE));
	CHECK_EQ(gd_fd_close(held), GD_OK);
	CHECK(gd_fd_accept(l) >= 0); /* it has waited */
}

CASE(no_descriptors_left_is_a_code)
{
	run(no_descriptors);
}

static void datagrams(void *arg)
{
	int s = gd_udp_listen("127.0.0.1:0"), c, other;
	struct gd_addr from = { .len = sizeof(from.bytes) }, to;
	char buf[16], address[32], text[GD_ADDR_TEXT];

	CHECK(s >= 0);
	snprintf(address, sizeof(address), "127.0.0.1:%d", gd_fd_port(s));
	c = gd_udp_dial(address);
	CHECK(c >= 0);
	CHECK_EQ(gd_fd_write(c, "ping", 4), 4);
	CHECK_EQ(gd_fd_recvfrom(s, buf, sizeof(buf), 0, (struct sockaddr *)from.bytes, &from.len),
		 4);
	CHECK_EQ(gd_fd_sendto(s, "pong!", 5, 0, (struct sockaddr *)from.bytes, from.len), 5);
	CHECK_EQ(gd_fd_read(c, buf, sizeof(buf)), 5);
	CHECK_EQ(gd_fd_read_until(c, buf, sizeof(buf), gd_now() + GD_MILLISECOND), GD_ETIMEDOUT);
	CHECK_EQ(gd_fd_local_addr(c, &to), GD_OK);
	CHECK(gd_addr_text(&to, text, sizeof(text)) > 10);
	snprintf(address, sizeof(address), "127.0.0.1:%d", gd_fd_port(c));
	CHECK_STR(text, address);
	CHECK_EQ(gd_fd_peer_addr(s, &to), GD_ERRNO(ENOTCONN));
	/* two datagrams, of which the first fills its buffer: nothing is taken for empty */
	other = gd_udp_dial(address);
	CHECK(other >= 0);
	CHECK_EQ(gd_fd_sendto(s, "a", 1, 0, (struct sockaddr *)from.bytes, from.len), 1);
	CHECK_EQ(gd_fd_sendto(s, "b", 1, 0, (struct sockaddr *)from.bytes, from.len), 1);
	CHECK_EQ(gd_fd_read(c, buf, sizeof(buf)), 1);
	CHECK_EQ(gd_fd_read(c, buf, sizeof(buf)), 1);
	CHECK_EQ(buf[0], 'b');
}

CASE(udp_there_and_back)
{
	run(datagrams);
}

static void local(void *arg)
{
	char path[64], back[64];
	int l, c, s;
	struct gd_addr a;

	snprintf(path, sizeof(path), "@gd-socket-test-%d", getpid());
	l = gd_unix_listen(path);
	CHECK(l >= 0);
	c = gd_unix_dial(path);
	CHECK(c >= 0);
	s = gd_fd_accept(l);
	CHECK(s >= 0);
	CHECK_EQ(gd_fd_write(c, "x", 1), 1);
	CHECK_EQ(gd_fd_read(s, back, 1), 1);
	CHECK_EQ(gd_fd_local_addr(l, &a), GD_OK);
	CHECK_EQ(gd_addr_text(&a, back, sizeof(back)), strlen(path));
	CHECK_STR(back, path);
	CHECK_EQ(gd_fd_port(l), GD_EINVAL);
}

CASE(unix_sockets_with_names)
{
	run(local);
}

static void full_queue(void *arg)
{
	/* Nothing tells when a Unix listener has room again. */
	char path[64];
	int l = socket(AF_UNIX, SOCK_STREAM, 0), c = 0, n = 0;
	struct gd_addr a;

	snprintf(path, sizeof(path), "@gd-socket-test-%d", getpid());
	c = gd_unix_listen(path);
	CHECK_EQ(gd_fd_local_addr(c, &a), GD_OK);
	CHECK_EQ(gd_fd_close(c), GD_OK);
	CHECK_EQ(bind(l, (struct sockaddr *)a.bytes, a.len), 0);
	CHECK_EQ(listen(l, 0), 0);
	while ((c = gd_unix_dial_until(path, gd_now() + 5 * GD_MILLISECOND)) >= 0)
		n++;
	CHECK_EQ(c, GD_ETIMEDOUT);
	CHECK(n > 0);
	CHECK(accept(l, NULL, NULL) >= 0);
	CHECK(gd_unix_dial_until(path, gd_now() + GD_SECOND) >= 0);
}

CASE(a_full_unix_listener_is_tried_again)
{
	run(full_queue);
}

static void resolved(void *arg)
{
	struct gd_addr a[4];
	char text[GD_ADDR_TEXT];
	int n = gd_resolve("[::1]:8080", a, 4);

	CHECK_EQ(n, 1);
	gd_addr_text(&a[0], text, sizeof(text));
	CHECK_STR(text, "[::1]:8080");
	CHECK_EQ(gd_addr_text(&a[0], text, 5), 4);
	CHECK_STR(text, "[::1");
	n = gd_resolve("localhost:80", a, 4);
	CHECK(n > 0 && n <= 4);
	n = gd_resolve("localhost:http", a, 1);
	CHECK_EQ(n, 1);
	gd_addr_text(&a[0], text, sizeof(text));
	CHECK_HAS(text, ":80");
	CHECK_EQ(gd_resolve("localhost:no-such-service", a, 4), GD_ENOHOST);
	CHECK_EQ(gd_resolve_until("localhost:80", a, 4, GD_NO_WAIT), GD_EAGAIN);
	CHECK(gd_resolve_until("localhost:80", a, 4, gd_now() + 10 * GD_SECOND) > 0);
	n = gd_resolve_until("no-such-host.invalid:80", a, 4, gd_now() + 1);
	CHECK(n == GD_ETIMEDOUT || n == GD_ENOHOST || gd_error_errno(n) == EAGAIN);
	gd_sleep(GD_MILLISECOND); /* the helper outlives who asked */
}

CASE(names_are_resolved)
{
	run(resolved);
}

UNIT_MAIN
