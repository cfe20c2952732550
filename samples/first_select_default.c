/* verdict: none; who comes too late drops its answer */
/*
 * first_select_default.c - first_leak.c repaired: a send that does not wait.
 *
 * One place in the buffer keeps the first answer, also when it comes before
 * first() has begun to receive.
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
	gd_select(GD_SEND(a->out, 100 + a->replica), GD_DEFAULT); /* the repair */
	gd_chan_unref(a->out);
}

static int first(int replicas)
{
	int_chan c = gd_chan_make(int_chan, 1);
	int answer;

	for (int i = 0; i < replicas; i++) {
		gd_chan_ref(c);
		gd_go(search, .replica = i, .out = c);
	}
	gd_chan_recv(c, &answer);
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
