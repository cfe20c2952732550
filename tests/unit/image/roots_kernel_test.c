/* link: gdetect_leak gdetect_detect gdetect */
/*
 * roots_kernel_test.c - what epoll and timers hold is found in /proc, whatever lines are there; and
 * where nobody can look, that is said.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#include "detector/image/roots_self.h"
#include "runtime/base/os_linux.h"
#include "tests/support/unit.h"

#define FAR UINT64_C(0x00005a5a00000000)

static struct gd__roots_self roots;

static bool found(uint64_t word)
{
	for (size_t i = 0; i < roots.n; i++) {
		const struct gd__range *r = &roots.root[i].range;

		for (uint64_t at = r->lo; at < r->hi; at += 8)
			if (*(const uint64_t *)(uintptr_t)at == word)
				return true;
	}
	return false;
}

static size_t words(void)
{
	size_t n = 0;

	for (size_t i = 0; i < roots.n; i++)
		n += (roots.root[i].range.hi - roots.root[i].range.lo) / 8;
	return n;
}

static void note(void)
{
	gd__arena_release(&roots.arena);
	roots = (struct gd__roots_self){ 0 };
	gd__roots_note_kernel();
	gd__roots_of_kernel(&roots);
	CHECK(!roots.no_memory);
}

static void look(void)
{
	gd__roots_prepare_kernel();
	note();
}

static int watch(int poller, uint64_t data)
{
	struct epoll_event e = { .events = EPOLLIN, .data.u64 = data };
	int fd = eventfd(0, EFD_CLOEXEC);

	CHECK(fd >= 0);
	CHECK(epoll_ctl(poller, EPOLL_CTL_ADD, fd, &e) == 0);
	return fd;
}

CASE(data_of_epoll)
{
	int a = epoll_create1(0), b = epoll_create1(EPOLL_CLOEXEC), first = watch(a, FAR | 1);

	watch(a, UINT64_MAX);
	watch(b, FAR | 0xabcdef98);
	watch(b, 0xffff); /* a descriptor, or another small number */
	look();
	CHECK(found(FAR | 1) && found(UINT64_MAX) && found(FAR | 0xabcdef98));
	CHECK(!found(0xffff));
	CHECK_EQ(words(), 3);
	CHECK(roots.missing == NULL);
	close(first);
	look();
	CHECK(!found(FAR | 1));
	CHECK_EQ(words(), 2);
}

/* They do not fit into one read of the file. */
CASE(more_than_one_page_of_lines)
{
	int p = epoll_create1(0);

	for (uint64_t i = 0; i < 700; i++)
		watch(p, FAR + 0x1111 * i);
	look();
	CHECK_EQ(words(), 700);
	for (uint64_t i = 0; i < 700; i++)
		CHECK(found(FAR + 0x1111 * i));
}

CASE(value_of_a_timer)
{
	struct sigevent e = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 3 };
	timer_t a, b;

	if (access("/proc/self/timers", R_OK) != 0) {
		printf("skipped: the kernel has no /proc/self/timers\n");
		return;
	}
	e.sigev_value.sival_ptr = (void *)(uintptr_t)(FAR | 0x10);
	CHECK(timer_create(CLOCK_MONOTONIC, &e, &a) == 0);
	e.sigev_notify = SIGEV_NONE;
	e.sigev_value.sival_ptr = (void *)(uintptr_t)(FAR | 0x20);
	CHECK(timer_create(CLOCK_MONOTONIC, &e, &b) == 0);
	look();
	CHECK(found(FAR | 0x10) && found(FAR | 0x20));
	CHECK_EQ(words(), 2);
	timer_delete(a);
	look();
	CHECK(!found(FAR | 0x10) && found(FAR | 0x20));
}

/* Between the look at what is open and the look into it. */
CASE(descriptors_that_vanish)
{
	int p[3] = { epoll_create1(0), epoll_create1(0), epoll_create1(0) };

	for (uint64_t i = 0; i < 3; i++)
		watch(p[i], FAR | (i + 1));
	gd__roots_prepare_kernel();
	close(p[0]);
	CHECK(dup2(open("/proc/self/status", O_RDONLY), p[1]) == p[1]); /* something else there */
	note();
	CHECK_EQ(words(), 1);
	CHECK(found(FAR | 3));
	CHECK(roots.missing == NULL);
}

CASE(too_many_pollers)
{
	int p = -1;

	for (int i = 0; i < 256; i++)
		p = epoll_create1(0);
	watch(p, FAR | 1);
	look();
	CHECK(found(FAR | 1));
	CHECK(roots.missing == NULL);
	p = epoll_create1(0);
	look();
	CHECK_HAS(roots.missing, "more epoll descriptors");
	close(p);
	look();
	CHECK(roots.missing == NULL);
}

/* Opening a path that contains this gives that error, or another file. */
static struct {
	const char *part, *instead;
	long error;
} plan;

static long divert(long nr, const long *arg)
{
	char *path = (char *)arg[1]; /* NOLINT(performance-no-int-to-ptr): of openat */

	if (nr != SYS_openat || !strstr(path, plan.part))
		return 0;
	if (plan.instead)
		memcpy(path, plan.instead, strlen(plan.instead) + 1);
	return plan.error;
}

CASE(what_cannot_be_read_is_missing)
{
	static const char *const part[] = { "/fd", "/fdinfo/", "/timers" };
	static const long error[] = { -EMFILE, -EACCES, -ENOMEM };

	watch(epoll_create1(0), FAR | 1);
	for (size_t i = 0; i < 3; i++)
		for (size_t k = 0; k < 3; k++) {
			plan.part = part[i];
			plan.error = error[k];
			gd__os_filter = divert;
			look();
			gd__os_filter = NULL;
			CHECK_HAS(roots.missing, "/proc could not be read");
		}
	plan.part = "/proc/"; /* none at all */
	plan.error = -ENOENT;
	gd__os_filter = divert;
	look();
	gd__os_filter = NULL;
	CHECK_HAS(roots.missing, "/proc could not be read");
	look();
	CHECK(roots.missing == NULL);
	CHECK(found(FAR | 1));
}

CASE(a_kernel_without_the_file_of_timers)
{
	watch(epoll_create1(0), FAR | 1);
	plan.part = "/timers";
	plan.error = -ENOENT;
	gd__os_filter = divert;
	look();
	CHECK(roots.missing == NULL);
	CHECK(found(FAR | 1));
}

static long fail_read(long nr, const long *arg)
{
	(void)arg;
	return nr == SYS_read ? plan.error : 0;
}

CASE(a_read_that_fails)
{
	watch(epoll_create1(0), FAR | 1);
	gd__os_filter = fail_read;
	plan.error = -EIO;
	look();
	CHECK_HAS(roots.missing, "/proc could not be read");
	plan.error = -ENOENT; /* closed since it was opened */
	look();
	CHECK(roots.missing == NULL);
	CHECK_EQ(words(), 0);
}

/* What is read instead of the lines that part stands for. */
static void read_lines(const char *part, const char *lines)
{
	static char path[32];
	int fd = memfd_create("lines", 0);

	CHECK(write(fd, lines, strlen(lines)) == (ssize_t)strlen(lines));
	snprintf(path, sizeof(path), "/dev/fd/%d", fd);
	plan.part = part;
	plan.instead = path;
	plan.error = 0;
	gd__os_filter = divert;
	look();
	gd__os_filter = NULL;
	close(fd);
	CHECK(roots.missing == NULL);
}

CASE(odd_lines_of_epoll)
{
	epoll_create1(0);
	read_lines("/fdinfo/", "");
	CHECK_EQ(words(), 0);
	read_lines("/fdinfo/", "pos:\t0\nflags:\t02\nmnt_id:\t15\n");
	CHECK_EQ(words(), 0);
	read_lines("/fdinfo/", "tfd: 5 events: 1 data: \ntfd: 6 events: 1 data: zz\n"
			       "tfd: 7 events: 1 data:   5a5a00000001  pos:0 ino:61\n");
	CHECK_EQ(words(), 1);
	CHECK(found(FAR | 1));
	read_lines("/fdinfo/", "tfd: 7  data:   5A5A00000002\n data: 0  data: 5a5a00000003 x\n");
	CHECK(found(FAR | 2) && found(FAR | 3));
	CHECK_EQ(words(), 2);
	/* the same number twice, a number that is too long, and none behind the last key */
	read_lines("/fdinfo/", " data: 5a5a00000004 \n data: 5a5a00000004 \n"
			       " data: 00000000000000005a5a00000005 \n dat data data: data:");
	CHECK(found(FAR | 4) && found(FAR | 5));
	CHECK_EQ(words(), 3);
	read_lines("/fdinfo/", " data: 5a5a00000006"); /* the line has no end */
	CHECK(found(FAR | 6));
}

CASE(odd_lines_of_timers)
{
	read_lines("/timers", "ID: 0\nsignal: 34/00005a5a00000001\nnotify: signal/pid.3\n"
			      "ClockID: 1\nID: 1\nsignal: 34\nnotify: none/tid.7\n");
	CHECK_EQ(words(), 1);
	CHECK(found(FAR | 1));
	read_lines("/timers", "signal: 34/0x5a5a00000002\nsigsignal: 1/5a5a00000003\n");
	CHECK(found(FAR | 3));
	read_lines("/timers", "signal: 34/(null)\nsignal: 0/0000000000000000\n");
	CHECK_EQ(words(), 0);
}

static void *look_and_end(void *main_thread)
{
	pthread_join(*(pthread_t *)main_thread, NULL);
	look();
	CHECK(found(FAR | 1));
	CHECK(roots.missing == NULL);
	exit(0);
}

/* Then the process has no descriptors any more, by its directory in /proc. */
CASE(the_main_thread_has_ended)
{
	static pthread_t self;
	pthread_t t;

	self = pthread_self();
	watch(epoll_create1(0), FAR | 1);
	CHECK_EQ(pthread_create(&t, NULL, look_and_end, &self), 0);
	pthread_exit(NULL);
}

UNIT_MAIN
