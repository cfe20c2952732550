/* select_send_struct.c - nor does a number become the first member of a struct here. */
/* expect: error */
#include <gdetect/select.h>

struct point {
	int x, y;
};
typedef gd_chan_of(struct point) point_chan;

int send(point_chan c, struct point p);
int send(point_chan c, struct point p)
{
#ifdef FIXED
	return gd_select(GD_SEND(c, p), GD_DEFAULT);
#else
	return gd_select(GD_SEND(c, p.x), GD_DEFAULT);
#endif
}
