/* A select case is checked like a receive. */
#include <gdetect/gdetect.h>

typedef gd_chan_of(int) int_chan;

int wait_for(int_chan c);
int wait_for(int_chan c)
{
#ifdef FIXED
	int value = 0;
#else
	char *value = 0; /* expect: incompatible pointer type */
#endif
	return gd_select(GD_RECV(c, &value), GD_DEFAULT);
}
