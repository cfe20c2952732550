/*
 * image_live.c - stops a process from outside and reads it.
 *
 * Threads are seized one by one; new ones may start meanwhile, so the list
 * is read again until it holds no thread that is not ours yet. A tool only:
 * uses malloc.
 */
#include "detector/image/image_live.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

#include <elf.h>

#include "detector/image/core_io.h"
#include "detector/image/core_maps.h"
#include "runtime/base/os_linux.h"
#include "runtime/inspect/anchor.h"

#define STOP_LIMIT_NS INT64_C(5000000000)
#define POLL_NS       20000

_Static_assert(sizeof(struct user_regs_struct) == GD__CORE_REGS * sizeof(uint64_t),
	       "registers of PTRACE_GETREGSET");

static bool live_read(const struct gd__mem *m, uint64_t addr, void *buf, size_t n)
{
	const struct gd__live *l = m->self;
	struct iovec local = { buf, n }, remote = { (void *)(uintptr_t)addr, n };

	return process_vm_readv(l->pid, &local, 1, &remote, 1, 0) == (ssize_t)n;
}

struct scan {
	struct gd__live *live;
	int error;
	bool grew;
};

static bool known(const struct gd__live *l, int32_t tid)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->threads[i].tid == tid)
			return true;
	return false;
}

static bool append(struct gd__live *l, int32_t tid)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 16;
		void *grown = realloc(l->threads, cap * sizeof(*l->threads));

		if (!grown)
			return false;
		l->threads = grown;
		l->cap = cap;
	}
	l->threads[l->n++] = (struct gd__core_thread){ .tid = tid };
	return true;
}

static void seize(void *arg, int32_t tid)
{
	struct scan *s = arg;

	if (s->error || known(s->live, tid))
		return;
	if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) != 0) {
		/* A thread may end before we get to it; the process itself may not. */
		if (errno != ESRCH || tid == s->live->pid)
			s->error = -errno;
		return;
	}
	s->grew = true;
	if (!append(s->live, tid)) {
		ptrace(PTRACE_DETACH, tid, NULL, NULL);
		s->error = -ENOMEM;
		return;
	}
	ptrace(PTRACE_INTERRUPT, tid, NULL, NULL);
}

/*
 * Waits for the stop that PTRACE_INTERRUPT asked for. 0, -ESRCH: the thread has ended, or
 * -ETIMEDOUT: it sits in the kernel where nothing stops it (a disk that does not answer, vfork).
 */
static int wait_stop(int32_t tid)
{
	int64_t end = gd__os_now() + STOP_LIMIT_NS;
	int status;

	for (;;) {
		int r = waitpid(tid, &status, __WALL | WNOHANG);

		if (r == 0) {
			if (gd__os_now() > end)
				return -ETIMEDOUT;
			gd__os_nanosleep(POLL_NS);
			continue;
		}
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0 || !WIFSTOPPED(status))
			return -ESRCH;
		if (status >> 16 == PTRACE_EVENT_STOP)
			return 0;
		/* A signal came first: hand it on, the stop follows. */
		ptrace(PTRACE_CONT, tid, NULL, (void *)(uintptr_t)WSTOPSIG(status));
	}
}

static void get_registers(struct gd__core_thread *t)
{
	struct iovec io = { t->regs, sizeof(t->regs) };

	if (ptrace(PTRACE_GETREGSET, t->tid, (void *)(uintptr_t)NT_PRSTATUS, &io) != 0)
		memset(t->regs, 0, sizeof(t->regs));
}

/* Drops threads that ended meanwhile, reads the registers of the others, the main thread first. */
static void settle(struct gd__live *l)
{
	size_t kept = 0;

	for (size_t i = 0; i < l->n; i++)
		if (l->threads[i].tid)
			l->threads[kept++] = l->threads[i];
	l->n = kept;
	for (size_t i = 0; i < l->n; i++) {
		get_registers(&l->threads[i]);
		if (l->threads[i].tid == l->pid && i > 0) {
			struct gd__core_thread first = l->threads[i];

			l->threads[i] = l->threads[0];
			l->threads[0] = first;
		}
	}
}

int gd__live_stop(struct gd__live *l, int32_t pid)
{
	struct scan s = { .live = l };
	size_t stopped = 0;

	*l = (struct gd__live){ .pid = pid, .mem = { live_read, l } };
	do {
		s.grew = false;
		int r = gd__io_tasks(pid, seize, &s);

		if (!s.error && r)
			s.error = r == -ENOENT ? -ESRCH : r;
		for (; stopped < l->n; stopped++) {
			int w = wait_stop(l->threads[stopped].tid);

			if (w == -ESRCH)
				l->threads[stopped].tid = 0;
			else if (w && !s.error)
				s.error = w;
		}
	} while (!s.error && s.grew);
	if (!s.error && l->n == 0)
		s.error = -ESRCH;
	if (s.error) {
		gd__live_release(l);
		return s.error;
	}
	settle(l);
	return 0;
}

void gd__live_release(struct gd__live *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->threads[i].tid)
			ptrace(PTRACE_DETACH, l->threads[i].tid, NULL, NULL);
	free(l->threads);
	l->threads = NULL;
	l->n = l->cap = 0;
}

/* Searches one mapping, in pieces that overlap by the length of the magic. */
static uint64_t search(struct gd__live *l, const struct gd__map *m, char *buf, size_t cap)
{
	static const char magic[] = GD__ANCHOR_MAGIC;
	const size_t len = 16;

	for (uint64_t at = m->lo; at < m->hi; at += cap - 4096) {
		size_t n = m->hi - at < cap ? m->hi - at : cap;

		if (!live_read(&l->mem, at, buf, n))
			continue;
		char *hit = memmem(buf, n, magic, len);

		if (hit)
			return at + (uint64_t)(hit - buf);
	}
	return 0;
}

static uint64_t find_anchor(struct gd__live *l)
{
	const size_t cap = (size_t)1 << 20;
	char *buf = malloc(cap);
	struct gd__maps maps;
	uint64_t found = 0;

	if (buf && gd__maps_read(&maps, l->pid) == 0) {
		/* The anchor is initialised data: in a private writable mapping of a file. */
		for (size_t i = 0; i < maps.n && !found; i++) {
			const struct gd__map *m = &maps.map[i];

			if (m->file && m->writable && !m->shared && m->content == GD__MAP_ALL)
				found = search(l, m, buf, cap);
		}
		gd__maps_release(&maps);
	}
	free(buf);
	return found;
}

bool gd__live_anchor(struct gd__live *l, uint64_t *clock)
{
	uint64_t at = find_anchor(l);
	struct gd__anchor a;

	*clock = 0;
	if (!at)
		return false;
	if (live_read(&l->mem, at, &a, sizeof(a)) && a.version == GD__ANCHOR_VERSION &&
	    a.size == sizeof(a))
		*clock = a.now;
	return true;
}
