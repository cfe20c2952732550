/*
 * golf_odd.c - the only pointer lies at an odd place: in a packed structure, among the kernel's
 * events, in a message. It is found before anybody is called stuck. One more leaks beside it, so
 * that there is a look at all.
 */
#include <sys/epoll.h>

#include "tests/conformance/leak/held.h"

void *odd_holder;

LEAK(golf_odd)
static void lost(void *unused)
{
	int_chan c = gd_chan_make(int_chan, 0);

	gd_chan_recv(c, NULL); /* leak: chan receive; proven stuck: nothing */
}
struct __attribute__((packed)) wire {
	char tag;
	gd_chan *a;
	short n;
	gd_chan *b;
};
struct __attribute__((packed)) outer {
	short n;
	struct wire *wire;
};
MAIN(leak_golf_odd)
{
	struct outer *o = malloc(sizeof(*o));
	struct wire *w = malloc(3 * sizeof(*w));

	for (int i = 0; i < 3; i++)
		w[i] = (struct wire){ (char)i, waited_for(), (short)i, waited_for() };
	*o = (struct outer){ 1, w };
	odd_holder = o;
	gd_go_fn(lost, NULL);
	settle();
}

NOLEAK(golf_epoll_events)
MAIN(noleak_golf_epoll_events)
{
	struct epoll_event *e = calloc(10, sizeof(*e));

	for (int i = 0; i < 10; i++)
		e[i] = (struct epoll_event){ EPOLLIN, { .ptr = waited_for() } };
	odd_holder = e;
	settle();
	CHECK_EQ(gd_leak_check(), 0);
}

CONFORM_MAIN
