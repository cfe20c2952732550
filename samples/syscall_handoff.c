/* verdict: none; a blocked system call does not hold up the others */
/*
 * syscall_handoff.c - a thread blocks in the kernel, its P goes on without it.
 *
 * There is one P. A goroutine reads from a pipe that is empty; sysmon takes
 * the P away, another goroutine runs on it and writes what the first waits
 * for. The late one goes to the global queue, and runs when it gets a P again.
 */
#include <stdio.h>
#include <unistd.h>

#include <gdetect/gdetect.h>

typedef gd_chan_of(char) char_chan;

struct reader_args {
	int fd;
	char_chan out;
};

static void reader(struct reader_args *a)
{
	char c = '?';
	ssize_t n = gd_syscall(read(a->fd, &c, 1));

	gd_chan_send(a->out, n == 1 ? c : '!');
	gd_chan_unref(a->out);
}

static void start(void *failed)
{
	char_chan out = gd_chan_make(char_chan, 0);
	int fds[2];
	char got;

	if (pipe(fds) != 0)
		return;
	gd_chan_ref(out);
	gd_go(reader, .fd = fds[0], .out = out);
	gd_yield(); /* the reader runs, and blocks the thread: only a hand-over gets us back here */
	printf("the P is free while the reader is in the kernel\n");
	if (write(fds[1], "x", 1) != 1)
		return;
	gd_chan_recv(out, &got);
	printf("the reader got '%c'\n", got);
	*(int *)failed = got != 'x';
	gd_chan_unref(out);
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	int failed = 1;

	gd_set_procs(1); /* one P, whatever GD_MAXPROCS says */
	gd_run(start, &failed);
	return failed;
}
