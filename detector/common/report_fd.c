/* report_fd.c - where reports go. */
#include "detector/common/report_fd.h"

#include <fcntl.h>
#include <stdlib.h>

#include "runtime/base/fatal.h"
#include "runtime/base/fmt.h"
#include "runtime/base/options.h"
#include "runtime/base/os_linux.h"

#define STDOUT 1
#define STDERR 2

static bool same_text(const char *a, const char *b)
{
	for (; *a == *b; a++, b++)
		if (*a == '\0')
			return true;
	return false;
}

static bool is_separator(char c)
{
	return c == ':' || c == ' ' || c == ',' || c == '\n' || c == '\t';
}

/* Whether s begins with key=; then *s is moved to the value. */
static bool skip_key(const char **s, const char *key)
{
	const char *p = *s;

	for (; *key != '\0'; key++, p++)
		if (*p != *key)
			return false;
	if (*p != '=')
		return false;
	*s = p + 1;
	return true;
}

/* Copies the value at s, if value is not NULL; returns what follows it. */
static const char *take_value(const char *s, char *value, size_t n)
{
	char quote = *s == '\'' || *s == '"' ? *s++ : '\0';
	size_t len = 0;

	for (; *s != '\0' && (quote != '\0' ? *s != quote : !is_separator(*s)); s++)
		if (value && len + 1 < n)
			value[len++] = *s;
	if (value)
		value[len] = '\0';
	return quote != '\0' && *s == quote ? s + 1 : s;
}

bool gd__tsan_option(const char *options, const char *key, char *value, size_t n)
{
	const char *s = options;

	while (s && *s != '\0') {
		if (is_separator(*s)) {
			s++;
			continue;
		}
		if (skip_key(&s, key)) {
			take_value(s, value, n);
			return true;
		}
		while (*s != '\0' && *s != '=' && !is_separator(*s))
			s++;
		if (*s == '=')
			s = take_value(s + 1, NULL, 0);
	}
	return false;
}

static int open_log(const char *path)
{
	char name[GD__OPTION_TEXT + 16];

	if (same_text(path, "stderr"))
		return STDERR;
	if (same_text(path, "stdout"))
		return STDOUT;
	gd__fmt(name, sizeof(name), "%s.%d", path, gd__os_pid());
	int fd = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);

	if (fd >= 0)
		return fd;
	gd__warn("cannot open %s: reports go to stderr", name);
	return STDERR;
}

int gd__report_fd(void)
{
	static int fd, owner; /* owner: process id that fd was opened by */
	char path[GD__OPTION_TEXT];

	if (owner == gd__os_pid())
		return fd;
	owner = gd__os_pid();
	if (gd__options.log_path[0] != '\0')
		fd = open_log(gd__options.log_path);
	else if (gd__tsan_option(getenv("TSAN_OPTIONS"), "log_path", path, sizeof(path)))
		fd = open_log(path);
	else
		fd = STDERR;
	return fd;
}
