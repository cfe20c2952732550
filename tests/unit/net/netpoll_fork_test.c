/* link: gdetect */
/* netpoll_fork_test.c - descriptors in the child of a fork: its own poller, no old waits. */
#include <gdetect/gdetect.h>

#include "tests/support/unit.h"

struct read_one_args {
	int fd;
	gd_waitgroup *done;
};

static void read_one(struct read_one_args *a)
{
	char c;

	CHECK_EQ(gd_fd_read_until(a->fd, &c, 1, gd_now() + 60 * GD_SECOND), 1);
	gd_waitgroup_done(a->done);
}

struct write_one_args {
	int fd;
};

static void write_one(struct write_one_args *a)
{
	CHECK_EQ(gd_fd_write(a->fd, "x", 1), 1);
}

/* Waits in the child, on descriptors of the parent's and of its own. */
static void in_child(const int old[2])
{
	int fresh[2];
	char c;

	CHECK_EQ(gd_fd_read_until(old[0], &c, 1, gd_now() + GD_MILLISECOND), GD_ETIMEDOUT);
	gd_go(write_one, .fd = old[1]);
	CHECK_EQ(gd_fd_read(old[0], &c, 1), 1);
	CHECK_EQ(gd_pipe(fresh), GD_OK);
	gd_go(write_one, .fd = fresh[1]);
	CHECK_EQ(gd_fd_read(fresh[0], &c, 1), 1);
	CHECK_EQ(gd_fd_close(old[0]), GD_OK);
}

static void forks(void *arg)
{
	static gd_waitgroup done;
	int shared[2], own[2], status = 0;
	pid_t pid;

	CHECK_EQ(gd_pipe(shared), GD_OK);
	CHECK_EQ(gd_pipe(own), GD_OK);
	gd_waitgroup_add(&done, 1);
	gd_go(read_one, .fd = own[0], .done = &done); /* parked in the parent's poller */
	gd_sleep(GD_MILLISECOND);
	pid = fork();
	if (pid == 0) {
		char c;

		/* the turn of the one who reads there was the parent's */
		CHECK_EQ(gd_fd_read_until(own[0], &c, 1, GD_NO_WAIT), GD_EAGAIN);
		in_child(shared);
		_exit(0);
	}
	CHECK_EQ(gd_syscall(waitpid(pid, &status, 0)), pid);
	CHECK_EQ(status, 0);
	CHECK_EQ(gd_fd_write(own[1], "x", 1), 1);
	gd_waitgroup_wait(&done);
}

CASE(parent_and_child_wait_for_the_same_pipe)
{
	gd_set_procs(2);
	CHECK_EQ(gd_run(forks, NULL), GD_OK);
}

UNIT_MAIN
