/* chan_recv_const.c - nothing is received into a constant. */
/* expect: error.*(const|qualifier) */
#include <gdetect/chan.h>

typedef gd_chan_of(int) int_chan;

int receive(int_chan c, int *right, const int *wrong);
int receive(int_chan c, int *right, const int *wrong)
{
#ifdef FIXED
	(void)wrong;
	return gd_chan_recv_until(c, right, 0);
#else
	(void)right;
	return gd_chan_recv_until(c, wrong, 0);
#endif
}
