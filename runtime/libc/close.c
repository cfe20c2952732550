/*
 * close.c - close, dup2, dup3: who waits for what the descriptor was gets EBADF.
 *
 * The poller is told after the call, when the number leads to something else
 * or to nothing. Who is woken looks what it leads to: if that is what it waited for, it
 * was meant for somebody before, and waits again.
 */
#include <errno.h>

#include "runtime/libc/libc.h"
#include "runtime/net/netpoll.h"

int gd__libc_close(int fd)
{
	uint32_t generation = gd__netpoll_generation(fd);
	int r = GD__HAND_OFF(GD__NEXT(close)(fd)); /* may wait for a peer (SO_LINGER) or a server */

	if (r == 0 || gd_errno() != EBADF)
		gd__netpoll_closed(fd, generation);
	return r;
}
GD__PUBLISH(close);

int gd__libc_dup2(int from, int to)
{
	uint32_t generation = gd__netpoll_generation(to);
	int r = GD__NEXT(dup2)(from, to);

	if (r >= 0 && from != to)
		gd__netpoll_closed(to, generation);
	return r;
}
GD__PUBLISH(dup2);

int gd__libc_dup3(int from, int to, int flags)
{
	uint32_t generation = gd__netpoll_generation(to);
	int r = GD__NEXT(dup3)(from, to, flags);

	if (r >= 0)
		gd__netpoll_closed(to, generation);
	return r;
}
GD__PUBLISH(dup3);
