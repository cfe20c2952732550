/* fd_io.c - goroutines that wait for descriptors may always run again, and so may who waits for
 * them. */
#include "tests/conformance/leak/leak_case.h"

/* Waits for a request when main returns, as servers do; a worker waits for it. */
NOLEAK(io_wait)
struct serve_args {
	int fd;
	int_chan work;
};
static void serve(struct serve_args *a)
{
	char c;

	while (gd_fd_read(a->fd, &c, 1) == 1)
		gd_chan_send(a->work, c);
}
static void works(void *c)
{
	int_chan work = { .raw = c };
	int v;

	gd_chan_recv(work, &v);
}
MAIN(noleak_io_wait)
{
	int p[2];
	int_chan work = gd_chan_make(int_chan, 0);

	CHECK_EQ(gd_pipe(p), GD_OK);
	gd_go(serve, .fd = p[0], .work = work);
	gd_go_fn(works, work.raw);
	settle_n(1); /* the other one waits in the poller by then, or the check at the end waits for
			it */
}

/* In line for the turn behind it: no lock's owner is stuck. */
NOLEAK(io_turn)
MAIN(noleak_io_turn)
{
	int p[2];
	int_chan work = gd_chan_make(int_chan, 0);

	CHECK_EQ(gd_pipe(p), GD_OK);
	for (int i = 0; i < 3; i++)
		gd_go(serve, .fd = p[0], .work = work);
}

CONFORM_MAIN
