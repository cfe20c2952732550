/* link: */
/* barrier_test.c - the barrier orders threads, and unit.h sees what is wrong. */
#include <pthread.h>

#include "tests/support/barrier.h"
#include "tests/support/unit.h"

enum { ROUNDS = 2000 };

static struct barrier meeting = BARRIER_FOR(2);
static struct barrier flag;
static int turns; /* written between two meetings by one side only */

static void *odd_turns(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		barrier_wait(&meeting);
		if (i % 2 == 1)
			turns++;
	}
	return arg;
}

CASE(threads_meet_every_round)
{
	pthread_t thread;

	CHECK_EQ(pthread_create(&thread, NULL, odd_turns, NULL), 0);
	for (int i = 0; i < ROUNDS; i++) {
		barrier_wait(&meeting);
		if (i % 2 == 0)
			turns++;
	}
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(meeting.count, 2 * ROUNDS);
}

static void *poster(void *arg)
{
	turns = 7;
	barrier_post(&flag);
	return arg;
}

CASE(await_comes_after_post)
{
	pthread_t thread;

	CHECK_EQ(pthread_create(&thread, NULL, poster, NULL), 0);
	barrier_await(&flag, 1);
	CHECK_EQ(turns, 7);
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

/* Runs body in a child and returns its exit code. */
static int exit_code_of(void (*body)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		close(STDERR_FILENO);
		body();
		exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void wrong_number(void)
{
	CHECK_EQ(1, 2);
}

static void wrong_text(void)
{
	CHECK_STR("a", NULL);
}

static void missing_part(void)
{
	CHECK_HAS("abc", "d");
}

static void all_right(void)
{
	CHECK_EQ(2, 2);
	CHECK_STR("a", "a");
	CHECK_HAS("abc", "c");
}

/* A closed stderr makes the write fail: 3 instead of 1, and never 0. */
CASE(checks_can_fail)
{
	CHECK_EQ(exit_code_of(wrong_number), 3);
	CHECK_EQ(exit_code_of(wrong_text), 3);
	CHECK_EQ(exit_code_of(missing_part), 3);
	CHECK_EQ(exit_code_of(all_right), 0);
}

UNIT_MAIN
