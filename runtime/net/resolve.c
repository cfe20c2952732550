/*
 * resolve.c - "host:port" to addresses.
 *
 * Numbers are understood here. Names go to getaddrinfo, which may need more stack than a
 * goroutine has, blocks, and cannot be stopped: so a goroutine of our own calls it, on its thread's
 * stack within a system call, and who asked waits for it, or no longer.
 */
#include "runtime/net/resolve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <gdetect/error.h>
#include <gdetect/go.h>
#include <gdetect/io.h>

#include "runtime/base/atomic.h"
#include "runtime/base/fmt.h"
#include "runtime/base/os_linux.h"
#include "runtime/net/netpoll.h"
#include "runtime/sched/sched.h"
#include "runtime/sync/waitq.h"

#define HOST_MAX    256
#define SERVICE_MAX 64
#define ADDRS_MAX   16

_Static_assert(sizeof(struct sockaddr_un) <= sizeof(((struct gd_addr *)0)->bytes), "room");

/* A question to the system's resolver. Mapped; the last of asker and helper unmaps it. */
struct query {
	_Atomic uint32_t refs;
	struct gd__lock lock;
	struct gd__waitq asker; /* guarded by lock, as is done */
	bool done;
	bool passive;
	int type;
	int result; /* with done */
	char host[HOST_MAX], service[SERVICE_MAX];
	struct gd_addr found[ADDRS_MAX];
};

/* "host:port", "[host]:port" in two. */
static bool split(const char *address, struct query *q)
{
	const char *colon = strrchr(address, ':'), *host = address;
	size_t n;

	if (!colon || strlen(colon + 1) >= SERVICE_MAX || colon[1] == '\0')
		return false;
	n = (size_t)(colon - address);
	if (n >= 2 && host[0] == '[' && host[n - 1] == ']') {
		host++;
		n -= 2;
	} else if (memchr(host, ':', n)) {
		return false;
	}
	if (n >= HOST_MAX)
		return false;
	memcpy(q->host, host, n);
	q->host[n] = '\0';
	memcpy(q->service, colon + 1, strlen(colon + 1) + 1);
	return true;
}

/* -1: not a number up to 65535. */
static int port_of(const char *service)
{
	int port = 0;

	for (; *service; service++) {
		if (*service < '0' || *service > '9')
			return -1;
		port = port * 10 + (*service - '0');
		if (port > 65535)
			return -1;
	}
	return port;
}

static void put4(struct gd_addr *a, struct in_addr host, int port)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)port),
				  .sin_addr = host };

	a->len = sizeof(in);
	memcpy(a->bytes, &in, sizeof(in));
}

static void put6(struct gd_addr *a, struct in6_addr host, int port)
{
	struct sockaddr_in6 in = { .sin6_family = AF_INET6,
				   .sin6_port = htons((uint16_t)port),
				   .sin6_addr = host };

	a->len = sizeof(in);
	memcpy(a->bytes, &in, sizeof(in));
}

/* Addresses that need no resolver: how many; 0: it does. */
static int numeric(struct query *q)
{
	int port = port_of(q->service);
	struct in_addr v4 = { htonl(q->passive ? INADDR_ANY : INADDR_LOOPBACK) };
	struct in6_addr v6 = IN6ADDR_ANY_INIT;

	if (port < 0)
		return 0;
	if (q->host[0] == '\0') {
		if (q->passive)
			put6(&q->found[0], v6, port);
		put4(&q->found[q->passive], v4, port);
		return 1 + q->passive;
	}
	if (inet_pton(AF_INET, q->host, &v4) == 1) {
		put4(&q->found[0], v4, port);
		return 1;
	}
	if (inet_pton(AF_INET6, q->host, &v6) == 1) {
		put6(&q->found[0], v6, port);
		return 1;
	}
	return 0;
}

static int resolver_code(int r, int saved_errno)
{
	switch (r) {
	case EAI_MEMORY:
		return GD_ENOMEM;
	case EAI_AGAIN:
		return GD_ERRNO(EAGAIN);
	case EAI_SYSTEM:
		return gd__errno_code(-saved_errno);
	default:
		return GD_ENOHOST;
	}
}

/* On a thread's own stack. */
static void ask_system(void *arg)
{
	struct query *q = arg;
	const struct addrinfo hints = { .ai_flags = (q->passive ? AI_PASSIVE : 0) | AI_ADDRCONFIG,
					.ai_socktype = q->type };
	struct addrinfo *list = NULL;
	int r = getaddrinfo(q->host[0] ? q->host : NULL, q->service, &hints, &list), n = 0;

	if (r != 0) {
		q->result = resolver_code(r, errno);
		return;
	}
	for (const struct addrinfo *i = list; i && n < ADDRS_MAX; i = i->ai_next) {
		if (i->ai_addrlen > sizeof(q->found[n].bytes))
			continue;
		q->found[n].len = i->ai_addrlen;
		memcpy(q->found[n++].bytes, i->ai_addr, i->ai_addrlen);
	}
	freeaddrinfo(list);
	q->result = n > 0 ? n : GD_ENOHOST;
}

static void unref(struct query *q)
{
	if (gd__add_acq_rel(&q->refs, -1u) == 1) /* pairs with the other one's */
		gd__os_unmap(q, sizeof(*q));
}

static void helper(void *arg) GD_UNCHECKED
{
	struct query *q = arg;
	struct gd__waiter *w;
	struct gd__g *g = NULL;

	gd_syscall_enter();
	gd__on_system_stack(ask_system, q);
	gd_syscall_exit();
	gd__lock(&q->lock, GD__RANK_NETPOLL);
	q->done = true;
	w = gd__waitq_take(&q->asker);
	if (w)
		g = gd__waiter_serve(w, true);
	gd__unlock(&q->lock);
	if (g)
		gd__ready(g);
	unref(q);
}

static void unlock_query(void *arg) GD_UNCHECKED
{
	gd__unlock(&((struct query *)arg)->lock);
}

/* Until the helper is done: GD_OK or GD_ETIMEDOUT. */
static int wait_for(struct query *q, int64_t until) GD_UNCHECKED
{
	struct gd__g *g = gd__self();
	struct gd__waiter w = { .wait = { .kind = GD__OBJ_NONE }, .g = g };
	const struct gd__blocking b = { .reason = GD__WAIT_IO,
					.n = 1,
					.waiters = &w,
					.deadline = until,
					.unlock = unlock_query,
					.arg = q };
	bool done;

	gd__lock(&q->lock, GD__RANK_NETPOLL);
	if (q->done) {
		gd__unlock(&q->lock);
		return GD_OK;
	}
	w.raced = until != GD__FOREVER;
	gd__store_relaxed(&g->select_done, 0); /* published by the lock */
	gd__waitq_push(&q->asker, &w);
	if (gd__wait(g, &b))
		return GD_OK;
	gd__lock(&q->lock, GD__RANK_NETPOLL);
	gd__waitq_remove(&q->asker, &w);
	done = q->done;
	gd__unlock(&q->lock);
	return done ? GD_OK : GD_ETIMEDOUT;
}

static int ask(struct query *q, int64_t until)
{
	const struct gd__spawn s = { .fn = helper,
				     .arg = q,
				     .name = "gdetect resolver",
				     .site = "resolve.c",
				     .system = true };
	int r;

	if (until == GD__NO_WAIT)
		return GD_EAGAIN;
	gd__store_relaxed(&q->refs, 2); /* before anybody else knows it */
	r = gd__spawn(&s);
	if (r != GD_OK) {
		gd__store_relaxed(&q->refs, 1); /* nobody came */
		return r;
	}
	r = wait_for(q, until);
	return r == GD_OK ? q->result : r;
}

int gd__resolve(const char *address, int type, bool passive, struct gd_addr *out, int max,
		int64_t until)
{
	struct query *q = gd__os_map(sizeof(*q));
	int n;

	gd__self_or_die("gd_resolve");
	if (!q)
		return GD_ENOMEM;
	gd__store_relaxed(&q->refs, 1); /* nobody else knows it */
	q->type = type;
	q->passive = passive;
	if (!split(address, q)) {
		unref(q);
		return GD_EINVAL;
	}
	n = numeric(q);
	if (n == 0)
		n = ask(q, until);
	if (n > max)
		n = max;
	if (n > 0)
		memcpy(out, q->found, (size_t)n * sizeof(*out));
	unref(q);
	return n;
}

int gd_resolve_until(const char *address, struct gd_addr *out, int max, int64_t until)
{
	return gd__resolve(address, SOCK_STREAM, false, out, max, until);
}

size_t gd_addr_text(const struct gd_addr *a, char *buf, size_t n)
{
	char host[INET6_ADDRSTRLEN] = "?";
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
	} u = { .any.sa_family = AF_UNSPEC };
	size_t len = a->len < sizeof(u) ? a->len : sizeof(u);

	memcpy(&u, a->bytes, len);
	switch (u.any.sa_family) {
	case AF_INET:
		inet_ntop(AF_INET, &u.in.sin_addr, host, sizeof(host));
		return gd__fmt(buf, n, "%s:%d", host, ntohs(u.in.sin_port));
	case AF_INET6:
		inet_ntop(AF_INET6, &u.in6.sin6_addr, host, sizeof(host));
		return gd__fmt(buf, n, "[%s]:%d", host, ntohs(u.in6.sin6_port));
	case AF_UNIX:
		len = len > offsetof(struct sockaddr_un, sun_path)
			      ? len - offsetof(struct sockaddr_un, sun_path)
			      : 0;
		if (len > 0 && u.un.sun_path[0] == '\0')
			return gd__fmt(buf, n, "@%.*s", (int)len - 1, u.un.sun_path + 1);
		return gd__fmt(buf, n, "%.*s", (int)len, u.un.sun_path);
	default:
		return gd__fmt(buf, n, "?");
	}
}
