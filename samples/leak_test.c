/* verdict: leak; the second test leaks, and says so by itself */
/*
 * leak_test.c - tests that answer for the goroutines they leave.
 *
 * Each runs in a goroutine of its own; what it has started, and what that has
 * started, must be gone when it returns. A leak that is known is expected by
 * name, until it is repaired: then the expectation is to go, and is reported.
 */
#include <stdio.h>

#include <gdetect/gdetect.h>
#include <gdetect/leak.h>

typedef gd_chan_of(int) int_chan;

struct answer_args {
	int_chan out;
};
static void answer(struct answer_args *a)
{
	gd_chan_send(a->out, 42); /* expect: leak_test\.c:@LINE */
}

static int ask(size_t room, int replicas)
{
	int_chan c = gd_chan_make(int_chan, room);
	int value = 0;

	for (int i = 0; i < replicas; i++)
		gd_go(answer, .out = c);
	gd_chan_recv(c, &value);
	return value;
}

static int test_with_room(void)
{
	return ask(3, 3) == 42 ? 0 : 1;
}

/* The first answer is taken, two senders stay. */
static int test_without_room(void)
{
	return ask(0, 3) == 42 ? 0 : 1;
}

static int test_known(void)
{
	gd_leak_expect("answer", 2);
	return ask(0, 3) == 42 ? 0 : 1;
}

static int failed;

static void expect(const char *name, int status, int wanted)
{
	printf("%s: %s%s\n", name, status & GD_LEAK_TEST_FAILED ? "failed " : "passed ",
	       status & GD_LEAK_TEST_LEAKED ? "and leaks" : "");
	failed += status != wanted;
}

static void start(void *arg)
{
	(void)arg;
	expect("with room", GD_LEAK_TEST(test_with_room), GD_LEAK_TEST_OK);
	expect("without room", GD_LEAK_TEST(test_without_room), GD_LEAK_TEST_LEAKED);
	expect("known", GD_LEAK_TEST(test_known), GD_LEAK_TEST_OK);
}

int main(void)
{
	int r = gd_run(start, NULL);

	return r ? 1 : failed; /* the leak makes it 23 */
}
