/*
 * resolve.c - getaddrinfo and getnameinfo: on the thread's own stack, which is as large as such
 * libraries expect, and with the P free for others.
 */
#include "runtime/libc/libc.h"
#include "runtime/sched/sched.h"

struct question {
	const char *node, *service;
	const struct addrinfo *hints;
	struct addrinfo **result;
	int answer;
};

static void ask_address(void *arg)
{
	struct question *q = arg;

	q->answer = GD__NEXT(getaddrinfo)(q->node, q->service, q->hints, q->result);
}

/* Nothing in there comes back to us: on the thread's stack no goroutine runs. */
static int aside(void (*ask)(void *), void *question, const int *answer)
{
	gd_syscall_enter();
	gd__on_system_stack(ask, question);
	gd_syscall_exit();
	return *answer;
}

int gd__libc_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
			 struct addrinfo **result)
{
	struct question q = { node, service, hints, result, 0 };

	if (!gd__block_may_park())
		return GD__NEXT(getaddrinfo)(node, service, hints, result);
	return aside(ask_address, &q, &q.answer);
}
GD__PUBLISH(getaddrinfo);

struct name_question {
	const struct sockaddr *address;
	socklen_t len;
	char *host, *service;
	socklen_t host_len, service_len;
	int flags;
	int answer;
};

static void ask_name(void *arg)
{
	struct name_question *q = arg;

	q->answer = GD__NEXT(getnameinfo)(q->address, q->len, q->host, q->host_len, q->service,
					  q->service_len, q->flags);
}

int gd__libc_getnameinfo(const struct sockaddr *address, socklen_t len, char *host,
			 socklen_t host_len, char *service, socklen_t service_len, int flags)
{
	struct name_question q = { address, len, host, service, host_len, service_len, flags, 0 };

	if (!gd__block_may_park())
		return GD__NEXT(getnameinfo)(address, len, host, host_len, service, service_len,
					     flags);
	return aside(ask_name, &q, &q.answer);
}
GD__PUBLISH(getnameinfo);
