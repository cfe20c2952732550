/* verdict: none; a closed channel tells the others to give up */
/* first_done.c - first_leak.c repaired: every sender also watches a done channel. */
#include <stdio.h>

#include <gdetect/gdetect.h>

typedef gd_chan_of(int) int_chan;

enum { REPLICAS = 3 };

struct search_args {
	int replica;
	int_chan out;
	gd_signal_chan done;
};

static void search(struct search_args *a)
{
	gd_sleep((a->replica + 1) * GD_MILLISECOND);
	gd_select(GD_SEND(a->out, 100 + a->replica), GD_RECV(a->done, NULL)); /* the repair */
	gd_chan_unref(a->out);
	gd_chan_unref(a->done);
}

static int first(int replicas)
{
	int_chan c = gd_chan_make(int_chan, 0);
	gd_signal_chan done = gd_chan_make(gd_signal_chan, 0);
	int answer;

	for (int i = 0; i < replicas; i++) {
		gd_chan_ref(c);
		gd_chan_ref(done);
		gd_go(search, .replica = i, .out = c, .done = done);
	}
	gd_chan_recv(c, &answer);
	gd_chan_close(done);
	gd_chan_unref(done);
	gd_chan_unref(c);
	return answer;
}

static void start(void *failed)
{
	int answer = first(REPLICAS);

	printf("the first answer is %d\n", answer);
	gd_sleep(50 * GD_MILLISECOND);
	printf("%zu goroutine is left\n", gd_go_count());
	*(int *)failed = answer < 100 || answer >= 100 + REPLICAS || gd_go_count() != 1;
}

int main(void)
{
	int failed = 1;

	gd_run(start, &failed);
	return failed;
}
