/* select_send_type.c - a select sends values of the element's type only. */
/* expect: error */
#include <gdetect/select.h>

typedef gd_chan_of(int *) int_ptr_chan;

int send(int_ptr_chan c, int *right, int wrong);
int send(int_ptr_chan c, int *right, int wrong)
{
#ifdef FIXED
	(void)wrong;
	return gd_select(GD_SEND(c, right), GD_DEFAULT);
#else
	(void)right;
	return gd_select(GD_SEND(c, wrong), GD_DEFAULT);
#endif
}
