# setjmp and longjmp within one goroutine, with parks between, as they are with _FORTIFY_SOURCE,
# which checks that a jump goes up the stack. A script, as the lint bans them from our C.
. "$GD_SRC/tests/support/cli.sh"

cat > jump.c <<'END_C'
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gdetect/gdetect.h>

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			fprintf(stderr, "jump.c:%d: check failed: %s\n", __LINE__, #cond);         \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

enum { GOROUTINES = 16, ROUNDS = 200 };

static gd_waitgroup group;
static int deferred;

static void park(int i)
{
	if (i % 8 == 0)
		gd_sleep(10 * GD_MICROSECOND);
	else if (i % 8 == 4)
		gd_syscall(usleep(1));
	else
		gd_yield();
}

static void count(void *arg)
{
	(void)arg;
	deferred++;
}

/* Frames that a jump leaves behind; their gd_defer does not run. */
__attribute__((noinline)) static void down(jmp_buf env, volatile char *above, int depth)
{
	volatile char here[500];

	here[0] = above[0];
	park(depth);
	if (depth == 0) {
		gd_defer(count, NULL);
		longjmp(env, here[0]);
	}
	down(env, here, depth - 1);
	here[1] = here[0];
}

__attribute__((noinline)) static void sig_down(sigjmp_buf env, int i)
{
	park(i);
	siglongjmp(env, 5);
}

static void one_round(int i)
{
	volatile int seen = 0;
	volatile char seven[1] = { 7 };
	uint64_t id = gd_go_id();
	jmp_buf env;
	sigjmp_buf sig_env;
	int r = setjmp(env);

	seen++;
	if (r == 0) {
		park(i);
		down(env, seven, i % 20);
		CHECK(0);
	}
	CHECK(r == 7 && seen == 2);
	park(i + 1);
	CHECK(gd_go_id() == id);
	if (seen < 5) /* the same buffer again, after a park: this frame is still there */
		CHECK(seen++ < 5);
	r = sigsetjmp(sig_env, 0);
	if (r == 0)
		sig_down(sig_env, i);
	CHECK(r == 5);
}

static void jumping(void *arg)
{
	(void)arg;
	for (int i = 0; i < ROUNDS; i++)
		one_round(i);
	gd_waitgroup_done(&group);
}

static void start_jumping(void *arg)
{
	(void)arg;
	gd_waitgroup_add(&group, GOROUTINES);
	for (int i = 0; i < GOROUTINES; i++)
		gd_go_fn(jumping, NULL);
	gd_waitgroup_wait(&group);
	CHECK(deferred == 0);
}

/* Out of a handler of the code's own fault, on the alternate stack, back to the goroutine. */
static _Thread_local sigjmp_buf *fault_env;

static void on_fault(int sig)
{
	siglongjmp(*fault_env, sig);
}

static void faulting(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		sigjmp_buf env;
		int r = sigsetjmp(env, 1);

		if (r == 0) {
			park(i);
			fault_env = &env;
			raise(SIGFPE);
			CHECK(0);
		}
		CHECK(r == SIGFPE);
		park(i);
	}
	(void)arg;
	gd_waitgroup_done(&group);
}

static void start_faulting(void *arg)
{
	struct sigaction action;

	(void)arg;
	memset(&action, 0, sizeof(action));
	action.sa_handler = on_fault;
	action.sa_flags = SA_ONSTACK;
	CHECK(sigaction(SIGFPE, &action, NULL) == 0);
	gd_waitgroup_add(&group, GOROUTINES);
	for (int i = 0; i < GOROUTINES; i++)
		gd_go_fn(faulting, NULL);
	gd_waitgroup_wait(&group);
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	gd_set_procs(atoi(argv[2]));
	return gd_run(strcmp(argv[1], "jump") == 0 ? start_jumping : start_faulting, NULL);
}
END_C

for cc in $wrappers; do
	for fortify in 0 2 3; do
		# shellcheck disable=SC2086
		exits "$cc fortify $fortify" 0 $cc -O2 -g -w -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=$fortify \
			-D_GNU_SOURCE -I"$GD_SRC/runtime/include" -o jump jump.c \
			"$GD_BUILD/lib/libgdetect.a" -lpthread -ldl
		for procs in 1 2 8; do
			exits "$cc $fortify jump $procs" 0 timeout 60 ./jump jump $procs
			exits "$cc $fortify fault $procs" 0 timeout 60 ./jump fault $procs
		done
	done
done
finish
