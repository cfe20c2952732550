/*
 * gleak_mutate.c - runs gleak on broken variants of a core: gleak_mutate CORE ROUNDS GLEAK...
 *
 * Each round flips bytes in the parts of the file that hold data, or cuts the
 * file, with a fixed seed; runs "GLEAK... CORE" and wants an exit code of 0, 1
 * or 3, no signal, within 60 seconds. The first change that fails is printed.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SEED      20260731u
#define EXTENTS   4096
#define FLIPS     16
#define TIME_EACH 60

static uint64_t state = SEED;

static uint64_t draw(uint64_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % below;
}

static struct {
	off_t at, size;
} extent[EXTENTS];
static size_t extents;
static off_t data_bytes;

/* Holes are zeros that nobody reads: changes go where data is. */
static void find_extents(int fd)
{
	off_t at = 0;

	while (extents < EXTENTS && (at = lseek(fd, at, SEEK_DATA)) >= 0) {
		off_t end = lseek(fd, at, SEEK_HOLE);

		extent[extents].at = at;
		extent[extents++].size = end - at;
		data_bytes += end - at;
		at = end;
	}
}

/* Half of the changes hit the headers and notes, where structure is. */
static off_t place(void)
{
	off_t n;

	if (draw(2))
		return (off_t)draw(8192);
	n = (off_t)draw((uint64_t)data_bytes);
	for (size_t i = 0; i < extents; i++) {
		if (n < extent[i].size)
			return extent[i].at + n;
		n -= extent[i].size;
	}
	return 0;
}

static int run(char **argv)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);

		dup2(null, 1);
		if (!getenv("GLEAK_MUTATE_VERBOSE"))
			dup2(null, 2);
		alarm(TIME_EACH);
		execv(argv[0], argv);
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

static int good(int status)
{
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;

	return code == 0 || code == 1 || code == 3;
}

/* Writes all in the same file and takes it back, so that it need not be copied. */
static int flip(int fd, unsigned round, char **argv)
{
	off_t at[FLIPS];
	unsigned char old[FLIPS];
	unsigned n = 1 + (unsigned)draw(FLIPS);
	int status;

	for (unsigned i = 0; i < n; i++) {
		static const unsigned char interesting[] = { 0x00, 0xff, 0x7f, 0x80, 0x01 };
		unsigned char c =
			draw(2) ? (unsigned char)draw(256) : interesting[draw(sizeof(interesting))];

		at[i] = place();
		if (pread(fd, &old[i], 1, at[i]) != 1)
			old[i] = 0;
		if (pwrite(fd, &c, 1, at[i]) != 1)
			return 0;
	}
	status = run(argv);
	for (unsigned i = n; i-- > 0;)
		if (pwrite(fd, &old[i], 1, at[i]) != 1)
			return 0;
	if (!good(status))
		printf("round %u: status 0x%x after %u flips, the first at %lld\n", round, status,
		       n, (long long)at[0]);
	return good(status);
}

static int cut(const char *core, unsigned round, char **argv, char *copy)
{
	char command[1024];
	int status, fd = open(core, O_RDONLY);
	off_t size = fd >= 0 ? place() : 0;

	if (fd >= 0)
		close(fd);
	snprintf(command, sizeof(command), "cp --sparse=always '%s' '%s' && truncate -s %lld '%s'",
		 core, copy, (long long)size, copy);
	if (system(command) != 0)
		return 0;
	status = run(argv);
	if (!good(status))
		printf("round %u: status 0x%x, cut at %lld\n", round, status, (long long)size);
	return good(status);
}

int main(int argc, char **argv)
{
	char *args[16] = { 0 }, *cut_args[16] = { 0 }, copy[512];
	int fd = argc > 3 && argc < 16 ? open(argv[1], O_RDWR) : -1;
	unsigned rounds;
	int ok = fd >= 0;

	if (!ok)
		return 2;
	rounds = (unsigned)strtoul(argv[2], NULL, 10);
	snprintf(copy, sizeof(copy), "%s.cut", argv[1]);
	for (int i = 3; i < argc; i++)
		args[i - 3] = cut_args[i - 3] = argv[i];
	args[argc - 3] = argv[1];
	cut_args[argc - 3] = copy;
	find_extents(fd);
	for (unsigned i = 0; i < rounds; i++)
		ok &= i % 8 == 7 ? cut(argv[1], i, cut_args, copy) : flip(fd, i, args);
	unlink(copy);
	printf("%u rounds, %s\n", rounds, ok ? "all survived" : "FAILED");
	return !ok;
}
