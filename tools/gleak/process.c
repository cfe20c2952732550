/* process.c - stops a process, copies it, lets it go on. */
#include "tools/gleak/process.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "detector/image/core_writer.h"
#include "detector/image/image_live.h"
#include "tools/util/say.h"

bool process_parse(const char *text, int32_t *pid)
{
	char *end;

	errno = 0;
	long n = strtol(text, &end, 10);

	*pid = (int32_t)n;
	return !*end && end != text && !errno && n > 0 && n <= INT32_MAX;
}

static void progress(void *arg, uint64_t done, uint64_t total)
{
	(void)arg;
	say_progress("writing the dump", done, total);
}

/* The runtime's clock. */
static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* A process that nobody has waited for yet is there, but has nothing left to be read. */
static bool has_ended(int32_t pid)
{
	char path[64], line[128] = "";
	bool zombie = false;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);

	FILE *f = fopen(path, "r");

	while (f && fgets(line, sizeof(line), f))
		zombie |= strncmp(line, "State:\tZ", 8) == 0 || strncmp(line, "State:\tX", 8) == 0;
	if (f)
		fclose(f);
	return !f || zombie;
}

static bool say_stop_error(int32_t pid, int error)
{
	if (error == -ESRCH)
		say_error("there is no process %d", pid);
	else if ((error == -EPERM || error == -EACCES) && has_ended(pid))
		say_error("process %d has ended", pid);
	else if (error == -EPERM || error == -EACCES)
		say_error("not allowed to stop process %d: it belongs to somebody else, is being "
			  "debugged, or ptrace is restricted (kernel.yama.ptrace_scope)",
			  pid);
	else if (error == -ETIMEDOUT)
		say_error("cannot stop process %d: a thread of it is stuck in the kernel", pid);
	else
		say_error("cannot stop process %d: %s", pid, strerror(-error));
	return false;
}

static bool say_write_error(int32_t pid, const char *path, const char *doing, int error)
{
	if (error == -EWOULDBLOCK)
		say_error("another dump to %s is under way", path);
	else if (error == -EINVAL)
		say_error("cannot replace %s: not a regular file", path);
	else if (path)
		say_error("cannot %s %s: %s", doing, path, strerror(-error));
	else
		say_error("cannot %s a copy of process %d: %s", doing, pid, strerror(-error));
	return false;
}

static bool copy(struct gd__live *live, const char *path, int *fd)
{
	struct gd__core_source src = {
		.pid = live->pid,
		.threads = live->threads,
		.nthreads = live->n,
		.patch_value = now(),
		.progress = progress,
	};
	const char *doing = "create";
	int r;

	if (!gd__live_anchor(live, &src.patch_addr)) {
		say_error("process %d runs no program with gdetect", live->pid);
		return false;
	}
	if (path) {
		r = gd__core_write(&src, path, &doing);
	} else {
		*fd = memfd_create("gleak", MFD_CLOEXEC);
		r = *fd < 0 ? -errno : gd__core_write_fd(&src, *fd, &doing);
		if (r && *fd >= 0)
			close(*fd);
	}
	say_progress_end();
	return r == 0 || say_write_error(live->pid, path, doing, r);
}

bool process_dump(int32_t pid, const char *path, int *fd)
{
	struct gd__live live;
	int r = gd__live_stop(&live, pid);

	if (r)
		return say_stop_error(pid, r);

	bool done = copy(&live, path, fd);

	gd__live_release(&live);
	return done;
}
