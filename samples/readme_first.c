/* verdict: leak; the program of README.md, which ends without waiting for anybody */
#include <stdio.h>

#include <gdetect/gdetect.h>

typedef gd_chan_of(int) int_chan;

struct search_args {
	int replica;
	int_chan out;
};

static void search(struct search_args *a)
{
	gd_chan_send(a->out, a->replica); /* expect: readme_first\.c:@LINE */
}

static void start(void *unused)
{
	/* expect: made at .*readme_first\.c:@NEXT */
	int_chan c = gd_chan_make(int_chan, 0);
	int r;

	(void)unused;
	for (int i = 0; i < 3; i++)
		gd_go(search, .replica = i, .out = c);
	gd_chan_recv(c, &r);
	printf("%d was first\n", r);
}

int main(void)
{
	return gd_run(start, NULL);
}
