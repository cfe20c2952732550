/*
 * recover_ops.c - every operation that can be told GD_ELEAKED is, one after the other, beside a
 * deadlock of which one goroutine is told. Prints what was wrong; nothing is, under the race
 * detector either.
 */
#include <stdio.h>
#include <stdlib.h>

#include <gdetect/gdetect.h>
#include <gdetect/leak.h>

typedef gd_chan_of(int) int_chan;

enum { CHECKS = 100 };

struct shared {
	gd_mutex a, b;
	gd_rwmutex rw;
	gd_waitgroup group, both;
	gd_cond cond;
	int_chan c;
	int guarded;
};

static _Atomic int ended;

static void expect(bool holds, const char *what)
{
	if (!holds)
		printf("wrong: %s\n", what);
}
#define EXPECT(cond) expect(cond, #cond)

static void every_wait(void *arg)
{
	struct shared *s = calloc(1, sizeof(*s));
	int v = 3;

	(void)arg;
	gd_go_recoverable(true);
	s->c = gd_chan_make(int_chan, 0);
	gd_cond_init(&s->cond, &s->a);
	gd_waitgroup_add(&s->group, 1);
	EXPECT(gd_chan_send(s->c, 1) == GD_ELEAKED);
	EXPECT(!gd_chan_recv(s->c, &v));
	EXPECT(v == 0);
	EXPECT(gd_select(GD_RECV(s->c, &v), GD_SEND(s->c, 1)) == GD_ELEAKED);
	EXPECT(gd_waitgroup_wait(&s->group) == GD_ELEAKED);
	gd_mutex_lock(&s->a);
	EXPECT(gd_cond_wait(&s->cond) == GD_ELEAKED);
	EXPECT(gd_mutex_lock(&s->a) == GD_ELEAKED);
	gd_mutex_unlock(&s->a);
	gd_rwmutex_rlock(&s->rw);
	EXPECT(gd_rwmutex_lock(&s->rw) == GD_ELEAKED);
	gd_rwmutex_runlock(&s->rw);
	EXPECT(gd_go_recoverable(true)); /* for the eighth time and more */
	EXPECT(gd_chan_send(((int_chan){ NULL }), 1) == GD_ELEAKED);
	EXPECT(gd_go_recovered() == 8);
	gd_chan_unref(s->c);
	free(s);
	ended++;
}

struct locker_args {
	struct shared *s;
	gd_mutex *first, *second;
};
static void locker(struct locker_args *l)
{
	gd_go_recoverable(true);
	gd_mutex_lock(l->first);
	gd_waitgroup_done(&l->s->both);
	gd_waitgroup_wait(&l->s->both);
	if (gd_mutex_lock(l->second) == GD_OK) {
		l->s->guarded++;
		gd_mutex_unlock(l->second);
	}
	gd_mutex_unlock(l->first);
	ended++;
}

static void deadlock(void *arg)
{
	struct shared *s = calloc(1, sizeof(*s));

	(void)arg;
	gd_waitgroup_add(&s->both, 2);
	gd_go(locker, .s = s, .first = &s->a, .second = &s->b);
	gd_go(locker, .s = s, .first = &s->b, .second = &s->a);
}

static void start(void *arg)
{
	(void)arg;
	gd_go_fn(every_wait, NULL);
	gd_go_fn(deadlock, NULL);
	for (int i = 0; i < CHECKS && ended < 3; i++) {
		gd_leak_check(.settle_ms = 1000);
		gd_sleep(GD_MILLISECOND);
	}
	EXPECT(ended == 3);
	printf("ended\n");
}

int main(void)
{
	return gd_run(start, NULL);
}
