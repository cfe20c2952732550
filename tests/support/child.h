/*
 * child.h - runs a function in a child process and keeps its end and what it wrote to stderr.
 */
#ifndef GD_TESTS_SUPPORT_CHILD_H
#define GD_TESTS_SUPPORT_CHILD_H

#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

struct child {
	int code;         /* exit code, or 128 + signal */
	char text[32768]; /* stderr, NUL-terminated, cut at the end */
};

__attribute__((unused)) static void child_run(struct child *c, void (*fn)(void))
{
	int ends[2], status = 0;
	size_t len = 0;
	ssize_t n;
	pid_t pid;

	if (pipe(ends) != 0 || (pid = fork()) < 0)
		abort();
	if (pid == 0) {
		dup2(ends[1], STDERR_FILENO);
		close(ends[0]);
		close(ends[1]);
		fn();
		exit(0);
	}
	close(ends[1]);
	while ((n = read(ends[0], c->text + len, sizeof(c->text) - 1 - len)) > 0 ||
	       (n < 0 && errno == EINTR))
		len += n > 0 ? (size_t)n : 0;
	c->text[len] = '\0';
	close(ends[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	c->code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

#endif
