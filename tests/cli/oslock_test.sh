# Locks of the OS threads that goroutines hold while they wait: found, told once, and only those.
. "$GD_SRC/tests/support/cli.sh"

cat > locks.c <<'END_C'
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <threads.h>
#include <unistd.h>

#include <gdetect/gdetect.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_spinlock_t spin;
static mtx_t mtx;
static gd_mutex ours;
static gd_chan *chan;
static int value;

static void wait_once(void)
{
	gd_chan_recv_until_raw(chan, &value, gd_now() + 100000); /* parks: nobody sends */
}

static void with_mutex(void)
{
	pthread_mutex_lock(&mutex); /* locked */
	wait_once();
	pthread_mutex_unlock(&mutex);
}

static void with_others(void)
{
	pthread_rwlock_rdlock(&rwlock);
	wait_once();
	pthread_rwlock_unlock(&rwlock);
	pthread_spin_lock(&spin);
	wait_once();
	pthread_spin_unlock(&spin);
	mtx_lock(&mtx);
	wait_once();
	mtx_unlock(&mtx);
}

static void *signaller(void *arg)
{
	pthread_mutex_lock(&mutex);
	value = 1;
	pthread_cond_signal(&cond);
	pthread_mutex_unlock(&mutex);
	return arg;
}

/* A condition's wait gives the mutex up; nor does anything here park with a lock held. */
static void with_condition(void)
{
	pthread_t thread;

	pthread_mutex_lock(&mutex);
	pthread_create(&thread, NULL, signaller, NULL);
	while (!value)
		pthread_cond_wait(&cond, &mutex);
	pthread_mutex_unlock(&mutex);
	pthread_join(thread, NULL);
	wait_once();
	gd_mutex_lock(&ours);
	wait_once();
	gd_mutex_unlock(&ours);
}

static void yield_for_ever(void *arg)
{
	(void)arg;
	for (;;)
		gd_yield();
}

/* The monitor asks it to give way: not as long as it holds the lock. */
static void with_preemption(void)
{
	int64_t end = gd_now() + 60 * GD_MILLISECOND;

	gd_go_fn(yield_for_ever, NULL);
	pthread_mutex_lock(&mutex);
	while (gd_now() < end)
		gd_chan_try_recv_raw(chan, &value);
	pthread_mutex_unlock(&mutex);
}

static void with_migration(void)
{
	long tid = syscall(SYS_gettid);

	for (int i = 0; i < 4; i++)
		gd_go_fn(yield_for_ever, NULL);
	pthread_mutex_lock(&mutex); /* locked here */
	while (syscall(SYS_gettid) == tid)
		gd_yield();
	pthread_mutex_unlock(&mutex); /* unlocked there */
}

static void ends(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&mutex);
}

static void with_end(void)
{
	gd_go_fn(ends, NULL);
	gd_sleep(GD_MILLISECOND);
}

static const char *how;

static void start(void *arg)
{
	(void)arg;
	pthread_spin_init(&spin, 0);
	mtx_init(&mtx, mtx_plain);
	chan = gd_chan_make_raw(sizeof(int), 0, "chan");
	if (strcmp(how, "mutex") == 0)
		for (int i = 0; i < 5; i++)
			with_mutex();
	if (strcmp(how, "others") == 0)
		with_others();
	if (strcmp(how, "condition") == 0)
		with_condition();
	if (strcmp(how, "preemption") == 0)
		with_preemption();
	if (strcmp(how, "migration") == 0)
		with_migration();
	if (strcmp(how, "end") == 0)
		with_end();
}

int main(int argc, char **argv)
{
	how = argc > 1 ? argv[1] : "";
	return gd_run(start, NULL);
}
END_C

line() { grep -n "$1" locks.c | cut -d: -f1; }
# told NAME N WHAT...: so many reports, of these kinds. (Who waits may come back on another thread.)
told() {
	checks=$((checks + 1))
	n=$(printf '%s\n' "$out" | grep -Ec "WARNING: gdetect: goroutine [0-9]* \(.*\) (${3:-waits|gives|unlocks|ends})")
	[ "$n" -eq "$2" ] || fail "$1: $n reports, expected $2" "$out"
}

quiet=leak_at_exit=0
for w in $wrappers; do
	exits "$w build" 0 "$GD_BUILD/bin/gdetect-$w" -fgdetect -g -D_GNU_SOURCE -o locks locks.c
	for procs in 1 2; do
		GD_MAXPROCS=$procs GDETECT_OPTIONS=$quiet
		export GD_MAXPROCS GDETECT_OPTIONS
		name="$w $procs mutex"
		exits "$name" 0 timeout 60 ./locks mutex
		told "$name" 1 waits
		has "$name" "goroutine 1 \(main\) waits \(chan receive\) while it holds pthread_mutex 0x"
		has "$name" "locks.c:$(line '/\* parks')"
		has "$name" "locks.c:$(line '/\* locked \*')"
		name="$w $procs others"
		exits "$name" 0 timeout 60 ./locks others
		told "$name" 3 waits
		has "$name" "holds pthread_rwlock 0x"
		has "$name" "holds pthread_spinlock 0x"
		has "$name" "holds mtx 0x"
		exits "$w $procs condition" 0 timeout 60 ./locks condition
		told "$w $procs condition" 0
		exits "$w $procs preemption" 0 timeout 60 ./locks preemption
		told "$w $procs preemption" 0
		exits "$w $procs end" 0 timeout 60 ./locks end
		told "$w $procs end" 1
		has "$w $procs end" "\(ends\) ends while it holds pthread_mutex"
		GDETECT_OPTIONS=$quiet:os_locks=0
		exits "$w $procs off" 0 timeout 60 ./locks mutex
		told "$w $procs off" 0
	done
	GD_MAXPROCS=2 GDETECT_OPTIONS=$quiet
	name="$w migration"
	exits "$name" 0 timeout 60 ./locks migration
	told "$name" 2
	has "$name" "gives way while it holds pthread_mutex"
	has "$name" "unlocks, on another thread than the one that locked it, pthread_mutex"
	has "$name" "locks.c:$(line 'unlocked there')"
	has "$name" "locks.c:$(line 'locked here')"
	GDETECT_OPTIONS=$quiet:log_path=./log
	exits "$w log" 0 timeout 60 ./locks mutex
	told "$w log" 0
	out=$(cat ./log.*)
	told "$w log file" 1 waits
	rm -f ./log.*
done
finish
