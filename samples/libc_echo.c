/* verdict: none; plain blocking calls park their goroutine */
/*
 * libc_echo.c - a server of plain C: socket, accept, read and write, one goroutine per connection.
 *
 * Nothing in echo() or serve() knows of the runtime, and there is one P. A hundred
 * clients, goroutines too, connect at the same time and hold their connections. With a thread
 * that blocks in accept() the program would hang; with libgdetect_libc, which -fgdetect
 * links, the goroutine waits in the poller and the thread runs the others.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gdetect/gdetect.h>

enum { CLIENTS = 100, ROUNDS = 10 };

static void echo(int fd)
{
	char buf[512];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0)
		if (write(fd, buf, (size_t)n) != n)
			break;
	close(fd);
}

struct connection_args {
	int fd;
};

static void connection(struct connection_args *a)
{
	echo(a->fd);
}

struct serve_args {
	int listener;
	gd_waitgroup *all;
};

static void serve(struct serve_args *a)
{
	int fd;

	while ((fd = accept(a->listener, NULL, NULL)) >= 0)
		gd_go(connection, .fd = fd);
	gd_waitgroup_done(a->all); /* the listener was shut down */
}

struct client_args {
	struct sockaddr_in at;
	int id;
	gd_waitgroup *ready, *all;
	gd_mutex *lock;
	int *right;
};

static int ask(int fd, int question)
{
	int answer = -1;

	if (write(fd, &question, sizeof(question)) != sizeof(question))
		return -1;
	return recv(fd, &answer, sizeof(answer), MSG_WAITALL) == sizeof(answer) ? answer : -1;
}

static void client(struct client_args *a)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), right = 0;

	if (connect(fd, (struct sockaddr *)&a->at, sizeof(a->at)) == 0)
		right = ask(fd, a->id) == a->id;
	gd_waitgroup_done(a->ready);
	gd_waitgroup_wait(a->ready); /* all are connected at this moment */
	for (int i = 0; i < ROUNDS; i++)
		right &= ask(fd, a->id * ROUNDS + i) == a->id * ROUNDS + i;
	close(fd);
	gd_mutex_lock(a->lock);
	*a->right += right;
	gd_mutex_unlock(a->lock);
	gd_waitgroup_done(a->all);
}

static int listen_here(struct sockaddr_in *at)
{
	socklen_t len = sizeof(*at);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	*at = (struct sockaddr_in){ .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	if (bind(fd, (struct sockaddr *)at, len) != 0 || listen(fd, CLIENTS) != 0 ||
	    getsockname(fd, (struct sockaddr *)at, &len) != 0)
		perror("listen");
	return fd;
}

static void start(void *failed)
{
	gd_waitgroup ready = { 0 }, clients = { 0 }, server = { 0 };
	gd_mutex lock = { 0 };
	struct sockaddr_in at;
	int right = 0, listener = listen_here(&at);

	gd_waitgroup_add(&server, 1);
	gd_go(serve, .listener = listener, .all = &server);
	gd_waitgroup_add(&ready, CLIENTS);
	gd_waitgroup_add(&clients, CLIENTS);
	for (int i = 0; i < CLIENTS; i++)
		gd_go(client, .at = at, .id = i, .ready = &ready, .all = &clients, .lock = &lock,
		      .right = &right);
	gd_waitgroup_wait(&clients);
	shutdown(listener, SHUT_RDWR);
	gd_waitgroup_wait(&server);
	close(listener);
	printf("%d of %d clients were served\n", right, CLIENTS);
	*(int *)failed = right != CLIENTS;
}

int main(void)
{
	int failed = 1;

	gd_set_procs(1); /* one P, whatever GD_MAXPROCS says */
	gd_run(start, &failed);
	return failed;
}
