/* verdict: none; a parked goroutine says what it waits for, and is made ready again */
/*
 * park_ready.c - park with a wait reason, ready by the other side.
 *
 * Three goroutines park: in a receive, on a mutex, in a select. The dump of all
 * goroutines shows each with its reason; then each gets what it waits for.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <gdetect/gdetect.h>

typedef gd_chan_of(int) int_chan;

struct parked {
	int_chan in, out;
	gd_mutex *mutex;
};

static void receiver(void *arg)
{
	struct parked *a = arg;
	int v;

	gd_chan_recv(a->in, &v);
	gd_chan_send(a->out, v + 1);
}

static void locker(void *arg)
{
	struct parked *a = arg;
	gd_mutex_lock(a->mutex);
	gd_mutex_unlock(a->mutex);
	gd_chan_send(a->out, 1);
}

static void selecter(void *arg)
{
	struct parked *a = arg;
	int v = 0;

	gd_select(GD_RECV(a->in, &v), GD_AFTER(3600 * GD_SECOND));
	gd_chan_send(a->out, v + 1);
}

/* How often part occurs in the dump of all goroutines. */
static int in_dump(const char *part)
{
	static char text[1 << 16];
	int fd = memfd_create("stacks", MFD_CLOEXEC), n = 0;

	gd_stacks(fd);
	ssize_t length = pread(fd, text, sizeof(text) - 1, 0);

	close(fd);
	text[length > 0 ? length : 0] = '\0';
	for (const char *at = text; (at = strstr(at, part)) != NULL; at++)
		n++;
	return n;
}

static void start(void *failed)
{
	static const char *const reasons[] = { "[chan receive", "[mutex lock", "[select" };
	gd_mutex mutex = { 0 };
	int_chan a = gd_chan_make(int_chan, 0), b = gd_chan_make(int_chan, 0);
	int_chan out = gd_chan_make(int_chan, 3);
	struct parked on_chan = { .in = a, .out = out };
	struct parked on_mutex = { .mutex = &mutex, .out = out };
	struct parked on_select = { .in = b, .out = out };
	int sum = 0, v;

	gd_mutex_lock(&mutex);
	gd_go_fn(receiver, &on_chan);
	gd_go_fn(locker, &on_mutex);
	gd_go_fn(selecter, &on_select);
	for (int i = 0; i < 3; i++) {
		/* They park as soon as they run; until then the dump calls them runnable. */
		while (in_dump(reasons[i]) == 0)
			gd_yield();
		printf("parked: %s...]\n", reasons[i]);
	}
	gd_mutex_unlock(&mutex);
	gd_chan_send(a, 10);
	gd_chan_send(b, 20);
	for (int i = 0; i < 3; i++) {
		gd_chan_recv(out, &v);
		sum += v;
	}
	printf("all three are ready again, and sent %d in all\n", sum);
	*(int *)failed = sum != 11 + 1 + 21;
}

int main(void)
{
	int failed = 1;

	gd_run(start, &failed);
	return failed;
}
