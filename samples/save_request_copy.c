/* verdict: none; the goroutine has a request of its own */
/* save_request_copy.c - save_request.c repaired: gd_go copies its arguments, so pass the value. */
#include <stdio.h>

#include <gdetect/gdetect.h>

struct request {
	int id;
	int saved;
	char user[16];
};

typedef gd_chan_of(struct request) request_chan;

struct save_args {
	struct request request; /* the repair: by value */
	request_chan done;
};

static void save(struct save_args *a)
{
	a->request.id += 1000;
	a->request.saved = 1;
	gd_chan_send(a->done, a->request);
}

static void save_request(struct request r, request_chan done)
{
	gd_go(save, .request = r, .done = done);
}

static void start(void *failed)
{
	struct request r = { .id = 1, .user = "gopher" }, saved;
	request_chan done = gd_chan_make(request_chan, 0);

	save_request(r, done);
	r.id = 2;
	gd_chan_recv(done, &saved);
	printf("request %d of %s is saved: %d; mine is %d\n", saved.id, saved.user, saved.saved,
	       r.id);
	gd_chan_unref(done);
	*(int *)failed = saved.id != 1001 || !saved.saved || r.id != 2 || r.saved;
}

int main(void)
{
	int failed = 1;

	gd_run(start, &failed);
	return failed;
}
