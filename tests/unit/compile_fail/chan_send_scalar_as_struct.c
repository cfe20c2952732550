/* chan_send_scalar_as_struct.c - a number does not become the first member of a struct. */
/* expect: error */
#include <gdetect/chan.h>

struct point {
	int x, y;
};
typedef gd_chan_of(struct point) point_chan;

void send(point_chan c, struct point p);
void send(point_chan c, struct point p)
{
#ifdef FIXED
	gd_chan_send(c, p);
#else
	gd_chan_send(c, p.x);
#endif
}
