/* verdict: leak; two of three senders are stuck */
/*
 * first_leak.c - asks three replicas, takes the first answer, forgets the others.
 *
 * The channel has no room, and nobody receives from it once first() has
 * returned: every slower replica waits in its send for ever. The repairs are
 * first_buffered.c, first_select_default.c and first_done.c.
 */
#include <stdio.h>

#include <gdetect/gdetect.h>

typedef gd_chan_of(int) int_chan;

enum { REPLICAS = 3 };

struct search_args {
	int replica;
	int_chan out;
};

static void search(struct search_args *a)
{
	gd_sleep((a->replica + 1) * GD_MILLISECOND);
	/* expect: ^2 goroutines .chan send. proven stuck: nothing that can still run reaches */
	gd_chan_send(a->out, 100 + a->replica); /* expect: first_leak\.c:@LINE */
	gd_chan_unref(a->out);
}

static int first(int replicas)
{
	/* expect: channel of capacity 0.*made at .*first_leak\.c:@NEXT */
	int_chan c = gd_chan_make(int_chan, 0);
	int answer;

	for (int i = 0; i < replicas; i++) {
		gd_chan_ref(c);
		/* expect: created by first in goroutine 1 at .*first_leak\.c:@NEXT */
		gd_go(search, .replica = i, .out = c);
	}
	/* expect: last receive: by goroutine 1 at .*first_leak\.c:@NEXT */
	gd_chan_recv(c, &answer);
	gd_chan_unref(c);
	return answer;
}

static void start(void *failed)
{
	int answer = first(REPLICAS);

	printf("the first answer is %d\n", answer);
	*(int *)failed = answer < 100 || answer >= 100 + REPLICAS;
	gd_sleep(50 * GD_MILLISECOND); /* the program goes on, and the slow replicas answer */
}

int main(void)
{
	int failed = 1;

	gd_run(start, &failed);
	return failed;
}
