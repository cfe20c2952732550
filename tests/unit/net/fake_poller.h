/*
 * fake_poller.h - a poller without descriptors: events come when the test says so.
 *
 * Any number may be "added". fake_ready puts an event with the data last given for the number in
 * line; fake_event one with any data, also stale. fake_settle returns when all have been collected
 * and acted on (one P). Errors can be planted.
 */
#ifndef GD_TESTS_UNIT_NET_FAKE_POLLER_H
#define GD_TESTS_UNIT_NET_FAKE_POLLER_H

#include <errno.h>
#include <pthread.h>
#include <time.h>

#include <gdetect/gdetect.h>

#include "runtime/net/netpoll.h"
#include "tests/support/unit.h"

#define FAKE_FDS    4096
#define FAKE_EVENTS 64

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint64_t data[FAKE_FDS];
	struct gd__poll_event event[FAKE_EVENTS];
	int nevents, opens, adds;
	bool interrupted;
	int open_error, add_error; /* negative errno, told once each */
} fake = { .lock = PTHREAD_MUTEX_INITIALIZER };

static int take_error(int *error)
{
	int r = *error;

	*error = 0;
	return r;
}

static int fake_open(void)
{
	pthread_condattr_t a;

	fake.opens++;
	pthread_condattr_init(&a);
	pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
	pthread_cond_init(&fake.changed, &a);
	return take_error(&fake.open_error);
}

static int fake_add(int fd, uint64_t data, bool again)
{
	int r;

	(void)again;
	pthread_mutex_lock(&fake.lock);
	r = take_error(&fake.add_error);
	fake.adds++;
	if (r == 0)
		fake.data[fd] = data;
	pthread_mutex_unlock(&fake.lock);
	return r;
}

static int fake_wait(struct gd__poll_event *e, int64_t until)
{
	struct timespec at = { until / 1000000000, until % 1000000000 };
	int n, r = 0;

	pthread_mutex_lock(&fake.lock);
	while (fake.nevents == 0 && !fake.interrupted && r == 0 && until != INT64_MIN)
		r = until == INT64_MAX ? pthread_cond_wait(&fake.changed, &fake.lock)
				       : pthread_cond_timedwait(&fake.changed, &fake.lock, &at);
	n = fake.nevents;
	memcpy(e, fake.event, (size_t)n * sizeof(*e));
	fake.nevents = 0;
	fake.interrupted = false;
	pthread_mutex_unlock(&fake.lock);
	return n;
}

static void fake_interrupt(void)
{
	pthread_mutex_lock(&fake.lock);
	fake.interrupted = true;
	pthread_cond_signal(&fake.changed);
	pthread_mutex_unlock(&fake.lock);
}

static void fake_forget(void)
{
}

static const struct gd__poll_ops fake_ops = { fake_open, fake_add, fake_wait, fake_interrupt,
					      fake_forget };

__attribute__((unused)) static void fake_event(struct gd__poll_event e)
{
	pthread_mutex_lock(&fake.lock);
	CHECK(fake.nevents < FAKE_EVENTS);
	fake.event[fake.nevents++] = e;
	pthread_cond_signal(&fake.changed);
	pthread_mutex_unlock(&fake.lock);
}

__attribute__((unused)) static void fake_ready(int fd, bool read, bool write)
{
	uint64_t data;

	pthread_mutex_lock(&fake.lock);
	data = fake.data[fd];
	pthread_mutex_unlock(&fake.lock);
	fake_event((struct gd__poll_event){ .data = data, .read = read, .write = write });
}

/* Parks until the poller has been looked into, then lets all that became runnable run. */
__attribute__((unused)) static void fake_settle(void)
{
	int left = 1;

	while (left > 0) {
		gd_sleep(20 * GD_MICROSECOND);
		pthread_mutex_lock(&fake.lock);
		left = fake.nevents;
		pthread_mutex_unlock(&fake.lock);
	}
	/* The thread that collected them may be stopped before it has queued their goroutines. */
	for (int i = 0; i < 5; i++)
		gd_sleep(50 * GD_MICROSECOND);
	for (int i = 0; i < 10; i++) /* also where a slice of time ends in between */
		gd_yield();
}

/* Runs fn as main on one P, over the fake. */
__attribute__((unused)) static void fake_run(void (*fn)(void *))
{
	gd__poll_ops = &fake_ops;
	gd_set_procs(1);
	CHECK_EQ(gd_run(fn, NULL), GD_OK);
}

#endif
