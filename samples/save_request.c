/* verdict: race; the goroutine and its creator write the same request */
/*
 * save_request.c - a pointer argument that a goroutine changes.
 *
 * save_request() looks like a call that is over when it returns, but its
 * goroutine goes on with the caller's request. save_request_copy.c is the repair.
 */
#include <stdio.h>
#include <stdlib.h>

#include <gdetect/gdetect.h>

struct request {
	int id;
	int saved;
	char user[16];
};

struct save_args {
	struct request *request;
	gd_signal_chan done;
};

static void save(struct save_args *a)
{
	a->request->id += 1000; /* expect: save_request\.c:@LINE */
	a->request->saved = 1;
	gd_chan_close(a->done);
}

static void save_request(struct request *r, gd_signal_chan done)
{
	gd_go(save, .request = r, .done = done); /* expect: save_request\.c:@LINE */
}

static void start(void *failed)
{
	struct request *r = calloc(1, sizeof(*r)); /* expect: heap block of size 24 */
	gd_signal_chan done = gd_chan_make(gd_signal_chan, 0);

	r->id = 1;
	save_request(r, done);
	r->id = 2; /* expect: save_request\.c:@LINE */
	gd_chan_recv(done, NULL);
	printf("request %d is saved: %d\n", r->id, r->saved);
	*(int *)failed = !r->saved;
	gd_chan_unref(done);
	free(r);
}

int main(void)
{
	int failed = 1;

	gd_run(start, &failed);
	return failed;
}
