/* verdict: leak; recovered, and reported all the same */
/* options: leak_recover=1:leak_every=250ms */
/*
 * leak_recover.c - a server that leaks in every request, and stays as large as it is.
 *
 *     GDETECT_OPTIONS=leak_recover=1:leak_every=250ms ./leak_recover [seconds [requests a second]]
 *
 * first_leak.c once more: each request asks two replicas and takes the first answer. The other
 * replica's goroutine waits for ever to send its own, with its stack, its buffer and a reference to
 * the channel. A check every 250 ms proves that nobody can receive it; as the goroutine has said
 * that it looks at results, its gd_chan_send() returns GD_ELEAKED, and it cleans up and ends.
 *
 * Once a second it prints how many goroutines there are and how much memory. Without the options
 * both only grow.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <gdetect/gdetect.h>

typedef gd_chan_of(char *) answer_chan;

enum { BUFFER = 4096, TICKS = 10 }; /* per second */

struct search_args {
	int replica;
	answer_chan out;
};

static void drop(void *c)
{
	gd_chan_unref_raw(c);
}

static void search(struct search_args *a)
{
	char *answer = calloc(1, BUFFER);

	gd_defer(drop, a->out.raw);
	gd_defer(free, answer);
	gd_go_recoverable(true);
	snprintf(answer, BUFFER, "the answer of replica %d", a->replica);
	if (gd_chan_send(a->out, answer) != GD_OK) /* expect: leak_recover\.c:@LINE */
		return;                            /* nobody will ever ask: clean up and end */
}

static void request(void)
{
	answer_chan c = gd_chan_make(answer_chan, 0); /* expect: leak_recover\.c:@LINE */

	for (int replica = 0; replica < 2; replica++) {
		gd_chan_ref(c);
		gd_go(search, .replica = replica, .out = c);
	}
	gd_chan_recv(c, NULL);
	gd_chan_unref(c);
}

/* Resident memory in kB. */
static long resident(void)
{
	long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (f == NULL || fscanf(f, "%*s %ld", &pages) != 1)
		pages = 0;
	if (f != NULL)
		fclose(f);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

struct options {
	int seconds, rate, failed;
};

static void serve(void *arg)
{
	struct options *opt = arg;
	gd_ticker *tick = gd_ticker_make(GD_SECOND / TICKS);
	int64_t now;

	for (int i = 1; i <= opt->seconds * TICKS; i++) {
		for (int k = 0; k < opt->rate / TICKS; k++)
			request();
		gd_chan_recv(gd_ticker_chan(tick), &now);
		if (i % TICKS == 0) {
			printf("%d goroutines %ld kB\n", (int)gd_go_count(), resident());
			fflush(stdout);
		}
	}
	gd_ticker_free(tick);
	opt->failed = 0;
}

int main(int argc, char **argv)
{
	struct options opt = { .seconds = 1, .rate = 1000, .failed = 1 };

	if (argc > 1)
		opt.seconds = (int)strtol(argv[1], NULL, 10);
	if (argc > 2)
		opt.rate = (int)strtol(argv[2], NULL, 10);
	gd_run(serve, &opt);
	return opt.failed;
}
