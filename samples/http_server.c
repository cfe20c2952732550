/*
 * http_server - HTTP/1.1 with one goroutine per connection.
 *
 *     http_server [-t SECONDS] [PORT | HOST:PORT]
 *
 *     GET  /          "Hello, World!"
 *     GET  /bytes/N   N bytes, at most 1,000,000
 *     POST /echo      the body that was sent
 *
 * Keep-alive, pipelining, bodies by Content-Length, HEAD, Expect: 100-continue; 400 for what is
 * no request, 413, 431, 501 and 505 where these are meant. A connection that says nothing for -t
 * SECONDS (30) is closed; so is one whose request takes that long to come. The first line on
 * stdout says the port. SIGINT and SIGTERM end it: no new connections, requests in progress are
 * answered, idle connections closed.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <unistd.h>

#include <gdetect/gdetect.h>

#define HEAD_MAX  8192
#define BODY_MAX  65536
#define BYTES_MAX 1000000

static char address[128] = "127.0.0.1:0";
static int64_t patience = 30 * GD_SECOND;

/* --- requests --- */

struct request {
	char method[16], path[256];
	long body_len;
	bool keep_alive, expects;
};

/* What is known of the input so far: buf[0, n), of which the head ends at head (0: not yet). */
struct input {
	char buf[HEAD_MAX + BODY_MAX];
	size_t n, head;
};

/* A line of the head, which ends with \r\n or \n, in place; NULL at the empty one. */
static char *next_line(char **at)
{
	char *line = *at, *end = strchr(line, '\n');

	if (!end)
		return NULL;
	*at = end + 1;
	if (end > line && end[-1] == '\r')
		end--;
	*end = '\0';
	return end == line ? NULL : line;
}

/* "GET /path HTTP/1.1": 0, or the status of the answer. */
static int parse_first(char *line, struct request *r)
{
	char version[16], extra;

	if (sscanf(line, "%15[A-Z] %255[!-~] %15[!-~] %c", r->method, r->path, version, &extra) !=
	    3)
		return 400;
	if (strncmp(version, "HTTP/", 5) != 0)
		return 400;
	if (strcmp(version, "HTTP/1.1") != 0 && strcmp(version, "HTTP/1.0") != 0)
		return 505;
	r->keep_alive = version[7] == '1';
	return 0;
}

static int parse_length(const char *value, struct request *r)
{
	char *end;
	long n;

	if (value[0] < '0' || value[0] > '9')
		return 400;
	errno = 0;
	n = strtol(value, &end, 10);
	if (*end != '\0' || (r->body_len >= 0 && r->body_len != n))
		return 400;
	r->body_len = n;
	return errno == ERANGE || n > BODY_MAX ? 413 : 0;
}

/* "Name: value" */
static int parse_field(char *line, struct request *r)
{
	char *colon = strchr(line, ':'), *value, *end;

	if (!colon || colon == line || line[strcspn(line, " \t:")] != ':')
		return 400;
	*colon = '\0';
	value = colon + 1 + strspn(colon + 1, " \t");
	end = value + strlen(value);
	while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
		*--end = '\0';
	if (strcasecmp(line, "Content-Length") == 0)
		return parse_length(value, r);
	if (strcasecmp(line, "Transfer-Encoding") == 0)
		return 501;
	if (strcasecmp(line, "Expect") == 0)
		r->expects = strcasecmp(value, "100-continue") == 0;
	if (strcasecmp(line, "Connection") == 0)
		r->keep_alive = strcasecmp(value, "close") != 0 &&
				(r->keep_alive || strcasecmp(value, "keep-alive") == 0);
	return 0;
}

/* The head in buf[0, head): 0, or the status of the answer. */
static int parse(struct input *in, struct request *r)
{
	char *at = in->buf, *line;
	int status;

	*r = (struct request){ .body_len = -1 };
	if (memchr(in->buf, '\0', in->head))
		return 400;
	line = next_line(&at);
	status = line ? parse_first(line, r) : 400;
	while (status == 0 && (line = next_line(&at)) != NULL)
		status = parse_field(line, r);
	if (r->body_len < 0)
		r->body_len = 0;
	return status;
}

/* --- answers --- */

static const char *reason(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 413:
		return "Content Too Large";
	case 431:
		return "Request Header Fields Too Large";
	case 501:
		return "Not Implemented";
	case 505:
		return "HTTP Version Not Supported";
	default:
		return "Bad Request";
	}
}

/* Head and body in one write. head_only: the answer to HEAD. */
static bool answer(int fd, int status, const char *body, size_t n, bool keep, bool head_only)
{
	char head[256];
	int len = snprintf(
		head, sizeof(head),
		"HTTP/1.1 %d %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n%s\r\n",
		status, reason(status), n, keep ? "" : "Connection: close\r\n");
	struct iovec parts[2] = { { head, (size_t)len }, { (void *)body, n } };

	return gd_fd_writev(fd, parts, head_only || n == 0 ? 1 : 2) >= 0;
}

static bool refuse(int fd, int status)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "%d %s\n", status, reason(status));

	answer(fd, status, text, (size_t)n, false, false);
	return false;
}

/* N of "/bytes/N", or -1. */
static long bytes_wanted(const char *path)
{
	char *end;
	long n;

	if (strncmp(path, "/bytes/", 7) != 0 || path[7] < '0' || path[7] > '9')
		return -1;
	n = strtol(path + 7, &end, 10);
	return *end == '\0' && n <= BYTES_MAX ? n : -1;
}

static bool respond(int fd, const struct request *r, const char *body, bool keep)
{
	static const char hello[] = "Hello, World!\n";
	static char bytes[BYTES_MAX];
	bool head = strcmp(r->method, "HEAD") == 0, get = head || strcmp(r->method, "GET") == 0;
	long n = bytes_wanted(r->path);

	if (strcmp(r->path, "/echo") == 0) {
		if (strcmp(r->method, "POST") != 0)
			return answer(fd, 405, "", 0, keep, head) && keep;
		return answer(fd, 200, body, (size_t)r->body_len, keep, false) && keep;
	}
	if (!get)
		return answer(fd, 405, "", 0, keep, false) && keep;
	if (strcmp(r->path, "/") == 0)
		return answer(fd, 200, hello, sizeof(hello) - 1, keep, head) && keep;
	if (n >= 0)
		return answer(fd, 200, bytes, (size_t)n, keep, head) && keep;
	return answer(fd, 404, "not found\n", 10, keep, head) && keep;
}

/* --- connections --- */

/* All connections, so that the end can wake the idle ones. */
struct connection {
	int fd;
	bool busy; /* with a request */
	struct connection *next, *prev;
};

static gd_mutex lock;
static struct connection connections = { .next = &connections, .prev = &connections }; /* lock */
static bool ending;                                                                    /* lock */
static gd_waitgroup all;

static void enter(struct connection *c)
{
	gd_mutex_lock(&lock);
	c->next = &connections;
	c->prev = connections.prev;
	c->prev->next = c;
	connections.prev = c;
	gd_mutex_unlock(&lock);
}

static void leave(struct connection *c)
{
	gd_mutex_lock(&lock);
	c->prev->next = c->next;
	c->next->prev = c->prev;
	gd_mutex_unlock(&lock);
}

/* The connection waits for a request, for so long; false: the server ends. */
static bool begin_wait(struct connection *c)
{
	bool go_on;

	gd_mutex_lock(&lock);
	go_on = !ending;
	c->busy = false;
	if (go_on) /* under the lock, so that the deadline of the end comes after it */
		gd_fd_set_read_deadline(c->fd, gd_now() + patience);
	gd_mutex_unlock(&lock);
	return go_on;
}

/* It has one; false: the last. */
static bool end_wait(struct connection *c)
{
	bool go_on;

	gd_mutex_lock(&lock);
	go_on = !ending;
	c->busy = true;
	gd_mutex_unlock(&lock);
	return go_on;
}

/* Where the head ends in what has come, looking no further back than from; 0: not yet. */
static size_t head_end(const struct input *in, size_t from)
{
	for (size_t i = from; i < in->n; i++) {
		if (in->buf[i] != '\n')
			continue;
		if (i + 1 < in->n && in->buf[i + 1] == '\n')
			return i + 2;
		if (i + 2 < in->n && in->buf[i + 1] == '\r' && in->buf[i + 2] == '\n')
			return i + 3;
	}
	return 0;
}

/* More input; false: the end, or an error, or nothing came for too long. */
static bool read_more(int fd, struct input *in, size_t limit)
{
	int64_t n = gd_fd_read(fd, in->buf + in->n, limit - in->n);

	if (n <= 0)
		return false;
	in->n += (size_t)n;
	return true;
}

/* 0, or the status of the refusal; -1: the connection is at its end. */
static int read_head(struct connection *c, struct input *in)
{
	size_t looked = 0;

	for (;;) {
		size_t skip = 0;

		while (skip < in->n && (in->buf[skip] == '\r' || in->buf[skip] == '\n'))
			skip++; /* empty lines before a request are allowed */
		if (skip > 0) {
			memmove(in->buf, in->buf + skip, in->n - skip);
			in->n -= skip;
			looked = 0;
		}
		in->head = head_end(in, looked);
		if (in->head > 0)
			return in->head <= HEAD_MAX ? 0 : 431;
		if (in->n >= HEAD_MAX)
			return 431;
		looked = in->n > 3 ? in->n - 3 : 0;
		if (!read_more(c->fd, in, HEAD_MAX))
			return -1;
	}
}

static bool read_body(int fd, struct input *in, const struct request *r)
{
	size_t need = in->head + (size_t)r->body_len;

	if (r->expects && in->n < need && gd_fd_write(fd, "HTTP/1.1 100 Continue\r\n\r\n", 25) < 0)
		return false;
	while (in->n < need)
		if (!read_more(fd, in, sizeof(in->buf)))
			return false;
	return true;
}

/* One request and its answer; false: the connection ends. */
static bool serve_one(struct connection *c, struct input *in)
{
	struct request r;
	size_t used;
	int status;
	bool keep;

	if (!begin_wait(c))
		return false;
	status = read_head(c, in);
	if (status < 0)
		return false;
	keep = end_wait(c);
	if (status == 0)
		status = parse(in, &r);
	if (status != 0)
		return refuse(c->fd, status);
	gd_fd_set_deadline(c->fd, gd_now() + patience);
	if (!read_body(c->fd, in, &r))
		return false;
	if (!respond(c->fd, &r, in->buf + in->head, keep && r.keep_alive))
		return false;
	used = in->head + (size_t)r.body_len;
	memmove(in->buf, in->buf + used, in->n - used); /* the next one, if it is pipelined */
	in->n -= used;
	return true;
}

struct serve_args {
	int fd;
};

static void serve(struct serve_args *a)
{
	struct connection c = { .fd = a->fd };
	struct input in;

	in.n = 0;
	enter(&c);
	while (serve_one(&c, &in))
		;
	leave(&c);
	gd_fd_close(a->fd);
	gd_waitgroup_done(&all);
}

/* --- the server --- */

struct accept_all_args {
	int listener;
};

static void accept_all(struct accept_all_args *a)
{
	for (;;) {
		int fd = gd_fd_accept(a->listener);

		if (fd == GD_ERRNO(EMFILE) || fd == GD_ERRNO(ENFILE)) {
			gd_sleep(10 * GD_MILLISECOND);
			continue;
		}
		if (fd < 0)
			break;
		gd_waitgroup_add(&all, 1);
		gd_go(serve, .fd = fd);
	}
	gd_waitgroup_done(&all);
}

/* No more requests; those in progress have their deadlines. */
static void end_all(void)
{
	gd_mutex_lock(&lock);
	ending = true;
	for (struct connection *c = connections.next; c != &connections; c = c->next)
		if (!c->busy)
			gd_fd_set_read_deadline(c->fd, gd_now());
	gd_mutex_unlock(&lock);
	gd_waitgroup_wait(&all);
}

static int bell[2]; /* a byte in this pipe ends the program */

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
		fprintf(stderr, "http_server: %s: %s\n", address, gd_error_text(listener));
		*code = 1;
		return;
	}
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	printf("listening on port %d\n", gd_fd_port(listener));
	fflush(stdout);
	gd_waitgroup_add(&all, 1);
	gd_go(accept_all, .listener = listener);
	gd_fd_read(bell[0], &byte, 1);
	gd_fd_close(listener);
	end_all();
}

static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_max < 10100)
		fprintf(stderr, "http_server: %ld descriptors at most: ulimit -Hn is low\n",
			(long)limit.rlim_max);
}

int main(int argc, char **argv)
{
	int opt, code = 0;

	while ((opt = getopt(argc, argv, "t:")) != -1) {
		if (opt != 't' || (patience = strtol(optarg, NULL, 10) * GD_SECOND) <= 0) {
			fprintf(stderr, "usage: http_server [-t SECONDS] [PORT | HOST:PORT]\n");
			return 2;
		}
	}
	if (argc > optind)
		snprintf(address, sizeof(address), "%s%s",
			 strchr(argv[optind], ':') ? "" : "127.0.0.1:", argv[optind]);
	raise_limit();
	gd_run(start, &code);
	return code;
}
