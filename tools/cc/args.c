/* args.c - see args.h. */
#include "tools/cc/args.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

void die(const char *fmt, ...)
{
	va_list ap;

	fputs("gdetect-cc: error: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

char *text_of(const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	int n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0)
		die("out of memory");
	return text;
}

void args_add(struct args *a, const char *arg)
{
	if (a->n + 1 >= a->cap) {
		a->cap = a->cap ? 2 * a->cap : 64;
		a->v = realloc(a->v, a->cap * sizeof(*a->v));
		if (!a->v)
			die("out of memory");
	}
	a->v[a->n++] = arg;
	a->v[a->n] = NULL;
}

void args_add_all(struct args *a, const char *const *list)
{
	for (; *list; list++)
		args_add(a, *list);
}

void args_append(struct args *a, const struct args *more)
{
	for (size_t i = 0; i < more->n; i++)
		args_add(a, more->v[i]);
}

void args_add_words(struct args *a, const char *text)
{
	for (;;) {
		text += strspn(text, " \t\n");
		size_t n = strcspn(text, " \t\n");

		if (n == 0)
			return;
		args_add(a, text_of("%.*s", (int)n, text));
		text += n;
	}
}

/* The whole file in new memory with a NUL after it, or NULL. */
static char *read_file(const char *path)
{
	FILE *f = fopen(path, "re");
	struct stat st;
	char *text = NULL;
	size_t n = 0, cap = 0;

	if (!f)
		return NULL;
	if (fstat(fileno(f), &st) != 0 || S_ISDIR(st.st_mode)) {
		fclose(f);
		return NULL;
	}
	do {
		cap = cap ? 2 * cap : 65536;
		text = realloc(text, cap);
		if (!text)
			die("out of memory");
		n += fread(text + n, 1, cap - n - 1, f);
	} while (n == cap - 1);
	fclose(f);
	text[n] = '\0';
	return text;
}

/* Takes one word from *at, unquoting it in place; NULL at the end. */
static char *next_word(char **at)
{
	char *from = *at, quote = '\0';

	while (isspace((unsigned char)*from))
		from++;
	if (*from == '\0')
		return NULL;
	char *word = from, *to = from;

	for (; *from && (quote || !isspace((unsigned char)*from)); from++) {
		if (*from == '\\' && from[1] != '\0')
			*to++ = *++from;
		else if (quote ? *from == quote : *from == '\'' || *from == '"')
			quote = quote ? '\0' : *from;
		else
			*to++ = *from;
	}
	*at = *from ? from + 1 : from;
	*to = '\0';
	return word;
}

int args_read_response(struct args *a, const char *path)
{
	char *text = read_file(path);

	if (!text)
		return -1;
	for (char *word; (word = next_word(&text)) != NULL;)
		args_add(a, word);
	return 0;
}

const char *args_write_response(const char *const *list)
{
	/* Not close-on-exec: the compiler reads it through its own /proc/self/fd. */
	int fd = memfd_create("gdetect-cc", 0);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

	if (!f)
		return NULL;
	for (; *list; list++) {
		fputc('"', f);
		for (const char *c = *list; *c; c++) {
			if (*c == '"' || *c == '\\')
				fputc('\\', f);
			fputc(*c, f);
		}
		fputs("\"\n", f);
	}
	/* Flushed, not closed: closing would take the descriptor away. */
	return fflush(f) == 0 ? text_of("@/proc/self/fd/%d", fd) : NULL;
}
