/* The receiver's variable has the element's type. */
#include <gdetect/gdetect.h>

typedef gd_chan_of(int) int_chan;

void receive(int_chan c);
void receive(int_chan c)
{
#ifdef FIXED
	int value;
#else
	double value; /* expect: incompatible pointer type */
#endif
	gd_chan_recv(c, &value);
}
