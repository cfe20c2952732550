/* link: gdetect */
/*
 * fork_who_test.c - who forks: a system call's, a thread's, many at a time, a signal handler's; and
 * other programs.
 *
 * Each child ends with a code of its own; a failed check in it is 1, a hang is the time limit's.
 */
#include <pthread.h>
#include <signal.h>
#include <spawn.h>

#include "tests/unit/sched/forking.h"

extern char **environ;

static void step_for_ever(void *arg)
{
	(void)arg;
	for (;;) {
		atomic_fetch_add(steps, 1);
		gd_yield();
	}
}

static void start_in_call(void *arg)
{
	pid_t pid;

	gd_set_procs(*(int *)arg);
	steps = shared_int();
	for (int i = 0; i < 10; i++)
		gd_go_fn(step_for_ever, NULL);
	for (int i = 0; i < 20; i++) {
		pid = gd_syscall(fork());
		if (pid == 0) {
			use_everything(3);
			_exit(13);
		}
		CHECK_EQ(end_of(pid), 13);
	}
}

CASE(fork_within_gd_syscall)
{
	int procs = 2;

	CHECK_EQ(gd_run(start_in_call, &procs), GD_OK);
}

CASE(fork_within_gd_syscall_1)
{
	int procs = 1;

	CHECK_EQ(gd_run(start_in_call, &procs), GD_OK);
}

static void start_in_child(void *arg)
{
	use_everything(5);
	*(bool *)arg = true;
}

static _Atomic bool foreign_done;
static gd_chan *mail;

/* A thread without a goroutine: nobody is in its child, and gd_run may be called there. */
static void *fork_thread(void *arg)
{
	bool ran = false;
	int v = 3, status = 0;
	pid_t pid = fork();

	(void)arg;
	if (pid == 0) {
		CHECK_EQ(gd_go_count(), 0);
		CHECK_EQ(gd_chan_try_send_raw(mail, &v), GD_OK);
		CHECK_EQ(gd_chan_try_recv_raw(mail, &v), GD_OK);
		CHECK_EQ(gd_run(start_in_child, &ran), GD_OK);
		CHECK(ran);
		_exit(14);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status));
	CHECK_EQ(WEXITSTATUS(status), 14);
	foreign_done = true;
	return NULL;
}

static void start_foreign(void *arg)
{
	pthread_t thread;

	(void)arg;
	gd_set_procs(2);
	steps = shared_int();
	mail = gd_chan_make_raw(sizeof(int), 1, "mail");
	for (int i = 0; i < 10; i++)
		gd_go_fn(step_for_ever, NULL);
	CHECK_EQ(pthread_create(&thread, NULL, fork_thread, NULL), 0);
	while (!foreign_done)
		gd_yield();
	pthread_join(thread, NULL);
}

CASE(the_child_of_a_foreign_thread_may_call_gd_run)
{
	CHECK_EQ(gd_run(start_foreign, NULL), GD_OK);
}

static gd_waitgroup forkers;

static void fork_often(void *arg)
{
	(void)arg;
	for (int i = 0; i < 8; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			use_everything(2);
			_exit(15);
		}
		CHECK_EQ(end_of(pid), 15);
	}
	gd_waitgroup_done(&forkers);
}

static void change_procs(void *arg)
{
	for (int i = 0; !*(_Atomic bool *)arg; i++) {
		gd_set_procs(1 + i % 4);
		gd_sleep(100 * GD_MICROSECOND);
	}
}

static void churn(void *arg)
{
	while (!*(_Atomic bool *)arg) {
		gd_chan *c = gd_chan_make_raw(0, 0, "churn");
		struct gd_case cases[2] = { { .kind = GD_CASE_RECV, .chan = c },
					    { .kind = GD_CASE_AFTER, .after = 1000 } };

		gd_select_raw(cases, 2);
		gd_chan_unref_raw(c);
	}
}

static void start_many(void *arg)
{
	static _Atomic bool over;

	(void)arg;
	gd_set_procs(4);
	for (int i = 0; i < 20; i++)
		gd_go_fn(churn, &over);
	gd_go_fn(change_procs, &over);
	gd_waitgroup_add(&forkers, 6);
	for (int i = 0; i < 6; i++)
		gd_go_fn(fork_often, NULL);
	gd_waitgroup_wait(&forkers);
	over = true;
}

/* Against stops of the world by others, and among themselves. */
CASE(many_fork_at_the_same_time)
{
	CHECK_EQ(gd_run(start_many, NULL), GD_OK);
}

static void spin(void *arg)
{
	while (!*(_Atomic bool *)arg)
		;
}

static void start_beside_spinner(void *arg)
{
	static _Atomic bool over;
	pid_t pid;

	(void)arg;
	gd_set_procs(2);
	gd_go_fn(spin, &over);
	gd_sleep(GD_MILLISECOND);
	for (int i = 0; i < 5; i++) {
		pid = fork();
		if (pid == 0) {
			use_everything(3);
			_exit(16);
		}
		CHECK_EQ(end_of(pid), 16);
	}
	over = true;
}

CASE(a_goroutine_that_never_stops_does_not_hinder)
{
	CHECK_EQ(gd_run(start_beside_spinner, NULL), GD_OK);
}

/* --- other programs --- */

static void run_program(void *arg)
{
	char *const argv[] = { "/bin/sh", "-c", "exit 17", NULL };
	char line[16] = "";
	FILE *f;
	pid_t pid;

	(void)arg;
	CHECK_EQ(gd_syscall(system("exit 3")), 3 << 8);
	CHECK_EQ(system("exit 4"), 4 << 8);
	f = popen("echo pipe", "r");
	CHECK(f != NULL);
	CHECK(gd_syscall(fgets(line, sizeof(line), f)) != NULL);
	CHECK_STR(line, "pipe\n");
	CHECK_EQ(gd_syscall(pclose(f)), 0);
	CHECK_EQ(posix_spawn(&pid, "/bin/sh", NULL, NULL, argv, environ), 0);
	CHECK_EQ(end_of(pid), 17);
	pid = vfork();
	if (pid == 0) {
		execve("/bin/sh", argv, environ);
		_exit(127);
	}
	CHECK_EQ(end_of(pid), 17);
	pid = fork();
	if (pid == 0) {
		execve("/bin/sh", argv, environ);
		_exit(127);
	}
	CHECK_EQ(end_of(pid), 17);
	gd_waitgroup_done(&forkers);
}

static void start_programs(void *arg)
{
	gd_set_procs(*(int *)arg);
	gd_waitgroup_add(&forkers, 8);
	for (int i = 0; i < 8; i++)
		gd_go_fn(run_program, NULL);
	gd_waitgroup_wait(&forkers);
}

CASE(goroutines_start_programs)
{
	int procs = 2;

	CHECK_EQ(gd_run(start_programs, &procs), GD_OK);
}

CASE(goroutines_start_programs_on_one_p)
{
	int procs = 1;

	CHECK_EQ(gd_run(start_programs, &procs), GD_OK);
}

/* A handler that forks while the scheduler's locks may be held gets a child fit for _exit. */
static void fork_in_handler(int sig)
{
	int saved = errno, status;
	pid_t pid = fork();

	(void)sig;
	if (pid == 0)
		_exit(0);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	atomic_fetch_add(steps, 1);
	errno = saved;
}

static void ping(void *arg)
{
	for (;;)
		gd_chan_send_raw(arg, NULL);
}

static void start_handler(void *arg)
{
	struct sigaction action = { .sa_handler = fork_in_handler, .sa_flags = SA_RESTART };
	gd_chan *c = gd_chan_make_raw(0, 0, "c");

	(void)arg;
	gd_set_procs(2);
	steps = shared_int();
	CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
	gd_go_fn(ping, c);
	gd_go_fn(ping, c);
	while (atomic_load(steps) < 30) {
		kill(getpid(), SIGUSR1);
		for (int i = 0; i < 100; i++)
			gd_chan_recv_raw(c, NULL);
	}
}

CASE(a_signal_handler_forks_anywhere)
{
	CHECK_EQ(gd_run(start_handler, NULL), GD_OK);
}

UNIT_MAIN
