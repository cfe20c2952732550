/*
 * go.h - start the runtime, start goroutines, give way.
 *
 * gd_run() turns the calling thread into the first worker, runs `start` as the
 * main goroutine and returns when that function returns; all other goroutines
 * stop where they are. It can be called once in a process.
 *
 * Callable from any thread: gd_procs, gd_go_id, gd_go_count, gd_errno and its kin, gd_stacks. All
 * else here is for goroutines: on another thread it is a fatal error that says so.
 *
 * What C has and goroutines share with threads, or not (more in docs/design/hazards.md):
 * - errno is the goroutine's, __thread variables, the signal mask and floating-point modes are
 *   the thread's, and a goroutine may change threads whenever it waits.
 * - C++ exceptions stay inside the goroutine that throws them; one that leaves its function is
 *   std::terminate. longjmp stays inside the goroutine, too, and runs no gd_defer.
 * - fork(): in the child the calling goroutine goes on, all others are gone; what they held locked
 *   stays locked. When it ends: gd_run returns in the child if it is the main goroutine, else
 *   the process ends by exit(0). In the child of a thread that runs no goroutine gd_run may
 *   be called. In a signal handler, only exec and _exit may follow a fork.
 * - a pthread_mutex belongs to a thread: unlock it before anything that waits.
 * - pthread_exit in a goroutine is a fatal error.
 */
#ifndef GDETECT_GO_H
#define GDETECT_GO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GD__STR2(x) #x
#define GD__STR(x)  GD__STR2(x)
/* "file.c:12" of the place that uses a macro; kept by pointer in dumps and reports. */
#define GD__SITE __FILE__ ":" GD__STR(__LINE__)

/* The most Ps there can be. */
#define GD_MAX_PROCS 256

/*
 * Runs start(arg) as the main goroutine. Returns 0 when it has returned,
 * GD_ENOMEM if there is no memory for the main goroutine. Without its first
 * threads the runtime ends the process with a fatal error.
 * A second call in one process, or a call from a goroutine, is a fatal error.
 */
int gd_run(void (*start)(void *arg), void *arg);

/*
 * Number of Ps (workers that run goroutines at the same time). The default is
 * GD_MAXPROCS from the environment, else the CPUs this process may use.
 * gd_set_procs: before gd_run() it only records n, later it stops the world
 * for a moment. n outside 1..GD_MAX_PROCS is GD_EINVAL; GD_EBUSY if some goroutine does not come
 * to a safe point for 10 s. May park.
 */
int gd_set_procs(int n);
int gd_procs(void);

/*
 * Starts a goroutine: gd_go(fn, .a = x, .b = y) for
 *     struct fn_args { int a; char *b; };
 *     static void fn(struct fn_args *args);
 * The arguments are copied to the new goroutine's stack; args points there.
 * gd_go(fn) passes all zeros. Never parks. Failure to get memory for a
 * stack is a fatal error; gd_go_try() returns GD_ENOMEM instead.
 */
#define gd_go(...)              gd__go_args(gd_go_raw, __VA_ARGS__)
#define gd_go_try(...)          gd__go_args(gd_go_try_raw, __VA_ARGS__)
#define gd__go_args(start, ...) gd__go_expand(start, __VA_ARGS__, )
#define gd__go_expand(start, fn, ...)                                                              \
	__extension__({                                                                            \
		void (*gd__fn)(struct fn##_args *) = (fn);                                         \
		struct fn##_args gd__args = { __VA_ARGS__ };                                       \
		start((void (*)(void *))gd__fn, &gd__args, sizeof(gd__args), #fn, GD__SITE);       \
	})

/* Starts fn(arg). arg must stay valid as long as fn uses it. */
#define gd_go_fn(fn, arg) gd_go_fn_raw((fn), (arg), #fn, GD__SITE)

void gd_go_raw(void (*fn)(void *), const void *args, size_t size, const char *name,
	       const char *site);
int gd_go_try_raw(void (*fn)(void *), const void *args, size_t size, const char *name,
		  const char *site);
void gd_go_fn_raw(void (*fn)(void *), void *arg, const char *name, const char *site);

/* Names the calling goroutine in dumps and reports. name is kept by pointer. */
void gd_go_name(const char *name);
/* A goroutine that is meant to live as long as the program: never reported as a leak. */
void gd_go_background(void);
/*
 * Says that the calling goroutine looks at the results of what it waits in: with leak_recover=1 in
 * GDETECT_OPTIONS, and the leak detector linked, a wait of it that is proven to be a leak then
 * ends. gd_chan_recv() returns false, all others GD_ELEAKED; nothing was done, and it should clean
 * up and end. Off at the start of every goroutine; off, such a wait lasts for ever. Returns the
 * setting before, to be put back by code that does not look.
 * A goroutine is told once of one operation on one object, and 8 times in all; then it stays where
 * it is, and is reported, unless it makes this call again.
 */
bool gd_go_recoverable(bool on);
/* How many waits of the calling goroutine have been ended so. */
unsigned gd_go_recovered(void);
/* Number of the calling goroutine, 1 for main; 0 on a thread that runs no goroutine. */
uint64_t gd_go_id(void);
/* Goroutines that have started and not ended. */
size_t gd_go_count(void);

/* Lets others run; the caller goes to the tail of the global run queue. */
void gd_yield(void);
/*
 * The calling goroutine runs on its present thread and no other from here on, and that thread
 * runs nothing else: for libraries that keep state in the thread (graphics, locale, credentials,
 * thread-local handles). Calls nest; unlock undoes one, and is nothing where none is left. Each
 * wait then costs a change of threads. A goroutine that ends locked ends its thread.
 */
void gd_lock_os_thread(void);
void gd_unlock_os_thread(void);

/* Ends the calling goroutine; no gd_defer and no C++ destructor runs. On the main goroutine it is a
 * fatal error. */
void gd_go_exit(void) __attribute__((noreturn));

/*
 * gd_syscall(expr): evaluates a call that may block in the kernel, with its P
 * free for other goroutines meanwhile. errno is that of expr. The goroutine may go on on another
 * thread, as after any call that waits, and compilers keep the address of errno within a function:
 * one that touches errno before the call should leave it to another to read it after.
 * In expr, no function of this library may be called.
 */
#define gd_syscall(expr)                                                                           \
	__extension__({                                                                            \
		gd_syscall_enter();                                                                \
		__typeof__(expr) gd__result = (expr);                                              \
		gd_syscall_exit();                                                                 \
		gd__result;                                                                        \
	})
void gd_syscall_enter(void);
void gd_syscall_exit(void);

/*
 * The caller's errno, looked up afresh. For functions that touch errno both before and after a call
 * that waits, where compilers reuse the address of the thread that the goroutine was on before;
 * <gdetect/errno.h> makes errno itself so. gd_errno_at: its place, good until the next call that
 * may wait. Callable from any thread.
 */
int gd_errno(void);
void gd_errno_set(int value);
int *gd_errno_at(void);

/*
 * gd_defer(fn, arg): calls fn(arg) when the enclosing block ends, last one first.
 * gd_go_exit() does not run them.
 */
struct gd__deferred {
	void (*fn)(void *);
	void *arg;
};
#define GD__PASTE2(a, b) a##b
#define GD__PASTE(a, b)  GD__PASTE2(a, b)
#define gd_defer(fn, arg)                                                                          \
	__attribute__((cleanup(gd__defer_run), unused)) struct gd__deferred GD__PASTE(             \
		gd__defer_, __LINE__) = { (fn), (arg) }
static inline void gd__defer_run(struct gd__deferred *d)
{
	d->fn(d->arg);
}

/*
 * Gives the memory of goroutine stacks that are not in use back to the system at once, but for
 * some hundred that are kept at hand, and returns how many bytes. Without it they are given back
 * when memory is short. Any thread may call it.
 */
size_t gd_trim(void);

/* Writes every goroutine's stack, wait reason and age to fd, as SIGQUIT does to stderr. */
void gd_stacks(int fd);

#ifdef __cplusplus
}
#endif
#endif
