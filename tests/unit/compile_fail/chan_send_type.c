/* chan_send_type.c - a pointer does not go into a channel of another pointer type. */
/* expect: error.*(incompatible|pointer) */
#include <gdetect/chan.h>

typedef gd_chan_of(int *) int_ptr_chan;

void send(int_ptr_chan c, int *right, char *wrong);
void send(int_ptr_chan c, int *right, char *wrong)
{
#ifdef FIXED
	(void)wrong;
	gd_chan_send(c, right);
#else
	(void)right;
	gd_chan_send(c, wrong);
#endif
}
