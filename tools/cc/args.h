/*
 * args.h - lists of arguments, and the response files (@file) that hold more of them.
 *
 * The wrapper ends by becoming the compiler, so nothing here is ever freed.
 */
#ifndef GD_TOOLS_CC_ARGS_H
#define GD_TOOLS_CC_ARGS_H

#include <stddef.h>

/* v[0..n) are the arguments; v[n] is NULL once something was added. All zero is empty. */
struct args {
	const char **v;
	size_t n, cap;
};

void args_add(struct args *a, const char *arg);
/* Adds arguments up to the first NULL. */
void args_add_all(struct args *a, const char *const *list);
void args_append(struct args *a, const struct args *more);
/* Adds the words of text, separated by blanks. */
void args_add_words(struct args *a, const char *text);

/*
 * Adds what the response file at path holds, by the compilers' rules: words
 * separated by white space, '..' and ".." group, a backslash takes the next
 * character as it is. 0, or -1 if it cannot be read (compilers then take the
 * argument "@path" literally).
 */
int args_read_response(struct args *a, const char *path);

/*
 * Writes the arguments to a response file that lives as long as an open
 * descriptor does; returns the argument that names it ("@/proc/self/fd/3"), or NULL.
 */
const char *args_write_response(const char *const *list);

/* printf into new memory. */
char *text_of(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Prints "gdetect-cc: ..." and exits with 1, as compilers do for wrong usage. */
void die(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

#endif
