# A shared library of the user's, -fPIC -O2, that asks who it is before and after each wait, while
# its goroutines go from thread to thread. Compilers keep the address of a thread-local, and the
# result of a function that is said to have no side effect; so nothing we export may be either.
. "$GD_SRC/tests/support/cli.sh"

cat > lib.c <<'END_C'
#include <sys/syscall.h>
#include <unistd.h>

#include <gdetect/gdetect.h>

long ask(int i, uint64_t *id, int *error);

/* One function, so that nothing but the calls themselves keeps the compiler from reuse. */
long ask(int i, uint64_t *id, int *error)
{
	long before = syscall(SYS_gettid);

	id[0] = gd_go_id();
	gd_errno_set(i);
	gd_yield();
	id[1] = gd_go_id();
	error[0] = gd_errno();
	gd_sleep(i % 16 ? 0 : 1000);
	id[2] = gd_go_id();
	error[1] = gd_errno();
	gd_syscall(usleep(0));
	id[3] = gd_go_id();
	error[2] = gd_errno();
	return syscall(SYS_gettid) != before;
}
END_C
cat > main.c <<'END_C'
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <gdetect/gdetect.h>

enum { GOROUTINES = 16, ROUNDS = 300 };

long ask(int i, uint64_t *id, int *error);

static gd_waitgroup group;
static _Atomic int moved;

static void asking(void *arg)
{
	uint64_t id[4];
	int error[3];
	uint64_t mine = gd_go_id();

	(void)arg;
	for (int i = 1; i <= ROUNDS; i++) {
		moved += ask(i, id, error) != 0;
		for (int k = 0; k < 4; k++)
			if (id[k] != mine)
				_exit(1);
		for (int k = 0; k < 3; k++)
			if (error[k] != i)
				_exit(3);
	}
	gd_waitgroup_done(&group);
}

static void start(void *arg)
{
	gd_set_procs(atoi(arg));
	gd_waitgroup_add(&group, GOROUTINES);
	for (int i = 0; i < GOROUTINES; i++)
		gd_go_fn(asking, NULL);
	gd_waitgroup_wait(&group);
}

int main(int argc, char **argv)
{
	int r = argc < 2 ? 2 : gd_run(start, argv[1]);

	return r == 0 && moved == 0 && atoi(argv[1]) > 1 ? 4 : r;
}
END_C

lib="-L$GD_BUILD/lib -Wl,-rpath,$GD_BUILD/lib -lgdetect -lpthread"
for cc in $wrappers; do
	for opt in -O2 -O3 "-O2 -flto"; do
		# shellcheck disable=SC2086
		exits "$cc $opt library" 0 $cc $opt -g -fPIC -shared -D_GNU_SOURCE \
			-I"$GD_SRC/runtime/include" -o libask.so lib.c $lib
		# shellcheck disable=SC2086
		exits "$cc $opt program" 0 $cc $opt -g -I"$GD_SRC/runtime/include" -o ask main.c \
			-L. -Wl,-rpath,"$work" -lask $lib
		for procs in 1 2 8; do
			exits "$cc $opt $procs" 0 timeout 60 ./ask $procs
		done
	done
done

# No header of ours may promise a compiler that two calls give the same.
exits "no pure functions" 1 grep -rnE '__attribute__ *\(\(.*(const|pure)[^a-z]|__(const|pure)__' \
	"$GD_SRC/runtime/include" "$GD_SRC/detector/include"
finish
