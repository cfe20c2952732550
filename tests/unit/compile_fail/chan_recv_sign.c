/* chan_recv_sign.c - signed and unsigned are different element types. */
/* expect: error.*sign */
#include <gdetect/chan.h>

typedef gd_chan_of(int) int_chan;

bool receive(int_chan c, int *right, unsigned *wrong);
bool receive(int_chan c, int *right, unsigned *wrong)
{
#ifdef FIXED
	(void)wrong;
	return gd_chan_recv(c, right);
#else
	(void)right;
	return gd_chan_recv(c, wrong);
#endif
}
