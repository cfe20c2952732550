/* A channel of int takes no pointer. */
#include <gdetect/gdetect.h>

typedef gd_chan_of(int) int_chan;

void send_text(int_chan c);
void send_text(int_chan c)
{
#ifdef FIXED
	gd_chan_send(c, 1);
#else
	gd_chan_send(c, "text"); /* expect: (integer from pointer|pointer to integer) */
#endif
}
