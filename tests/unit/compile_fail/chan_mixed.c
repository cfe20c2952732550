/* chan_mixed.c - a channel of one type is not a channel of another. */
/* expect: error.*(incompatible|initializ) */
#include <gdetect/chan.h>

typedef gd_chan_of(int) int_chan;
typedef gd_chan_of(long) long_chan;

size_t length(int_chan i, long_chan l);
size_t length(int_chan i, long_chan l)
{
#ifdef FIXED
	long_chan c = l;

	(void)i;
#else
	long_chan c = i;

	(void)l;
#endif
	return gd_chan_len(c);
}
