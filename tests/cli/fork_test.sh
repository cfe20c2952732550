# fork() from goroutines in programs with both detectors: the parent is watched as before, the
# child runs, and its own leaks are its own.
. "$GD_SRC/tests/support/cli.sh"

cat > fork.c <<'END_C'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gdetect/gdetect.h>

static int shared;
static gd_waitgroup group, forked;

static void stuck(void *arg)
{
	gd_chan *c = gd_chan_make_raw(0, 0, "stuck");

	(void)arg;
	gd_waitgroup_done(&group);
	gd_chan_recv_raw(c, NULL);
}

static void start_stuck(void)
{
	gd_waitgroup_add(&group, 1);
	gd_go_fn(stuck, NULL);
	gd_waitgroup_wait(&group);
	gd_yield();
}

static void add(void *arg)
{
	(void)arg;
	shared++; /* races with itself, where anybody looks */
	gd_waitgroup_done(&group);
}

static void work(void)
{
	for (int i = 0; i < 100; i++) {
		char *p = malloc(1000);

		gd_waitgroup_add(&group, 2);
		gd_go_fn(add, NULL);
		gd_go_fn(add, NULL);
		free(p);
		gd_waitgroup_wait(&group);
	}
}

static int end_of(pid_t pid)
{
	int status = 0;

	gd_syscall(waitpid(pid, &status, 0));
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static const char *how;
static int in_child;

static void forks(void *arg)
{
	pid_t pid = fork();

	(void)arg;
	if (pid == 0) {
		in_child = 1;
		work();
		if (strstr(how, "leaks"))
			start_stuck();
		if (strstr(how, "exits"))
			exit(7);
		return;
	}
	printf("child: %d\n", end_of(pid));
	gd_waitgroup_done(&forked);
}

static void start(void *arg)
{
	(void)arg;
	if (strstr(how, "before"))
		start_stuck();
	gd_waitgroup_add(&forked, 1);
	if (strstr(how, "main")) {
		forks(NULL);
	} else {
		gd_go_fn(forks, NULL);
		gd_waitgroup_wait(&forked);
	}
}

int main(int argc, char **argv)
{
	how = argc > 1 ? argv[1] : "";
	setvbuf(stdout, NULL, _IOLBF, 0);
	gd_run(start, NULL);
	if (in_child)
		printf("main goes on in the child\n");
	return 0;
}
END_C

for w in $wrappers; do
	exits "$w build" 0 "$GD_BUILD/bin/gdetect-$w" -fgdetect -g -o fork fork.c
	for procs in 1 2 4; do
		GD_MAXPROCS=$procs
		export GD_MAXPROCS
		exits "$w main $procs" 0 timeout 60 ./fork main
		has "$w main $procs" "child: 0"
		has "$w main $procs" "main goes on in the child"
		exits "$w other $procs" 0 timeout 60 ./fork other
		has "$w other $procs" "child: 0"
		lacks "$w other $procs" "main goes on in the child"
		# The parent's leak is reported once, by the parent.
		exits "$w before $procs" 23 timeout 60 ./fork main-before
		has "$w before $procs" "child: 0"
		exits "$w leaks $procs" 0 timeout 60 ./fork main-leaks
		has "$w leaks $procs" "child: 23"
		exits "$w leaks other $procs" 0 timeout 60 ./fork other-leaks
		has "$w leaks other $procs" "child: 23"
		exits "$w exits $procs" 23 timeout 60 ./fork other-before-leaks-exits
		has "$w exits $procs" "child: 7"
	done
done
finish
