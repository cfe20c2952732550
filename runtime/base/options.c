/* options.c - GDETECT_OPTIONS: one table, used for the struct, defaults, parser and help. */
#include "runtime/base/options.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/base/fatal.h"
#include "runtime/base/fmt.h"
#include "runtime/base/os_linux.h"

struct gd__options gd__options = {
#define OPT(type, name, value, help) .name = value,
#include "runtime/base/options.inc"
#undef OPT
};

enum kind { KIND_int, KIND_bool, KIND_text };

struct row {
	const char *name, *value, *help;
	enum kind kind;
	size_t offset;
};

static const struct row rows[] = {
#define OPT(type, name, value, help)                                                               \
	{ #name, #value, help, KIND_##type, offsetof(struct gd__options, name) },
#include "runtime/base/options.inc"
#undef OPT
};

static bool is(const char *word, const char *s, size_t n)
{
	return strlen(word) == n && memcmp(word, s, n) == 0;
}

static const struct row *find(const char *name, size_t n)
{
	for (size_t i = 0; i < gd__countof(rows); i++)
		if (is(rows[i].name, name, n))
			return &rows[i];
	return NULL;
}

static bool parse_int(const char *s, size_t n, int *out)
{
	bool negative = n > 0 && *s == '-';
	long v = 0;

	if (negative)
		s++, n--;
	if (n == 0 || n > 9)
		return false;
	for (; n > 0; n--, s++) {
		if (*s < '0' || *s > '9')
			return false;
		v = v * 10 + (*s - '0');
	}
	*out = (int)(negative ? -v : v);
	return true;
}

/* Of the options that do not take all numbers. Those of one part alone are checked there. */
static bool in_range(const struct row *r, int v)
{
	if (is("exitcode", r->name, strlen(r->name)))
		return v >= -1 && v <= 255;
	return v >= 0;
}

static bool is_meant(const struct row *r, const char *s, size_t n)
{
	if (n > 0 && *s == '\'') /* no second quote */
		return false;
	return !is("leak_level", r->name, strlen(r->name)) || is("proven", s, n) || is("end", s, n);
}

static bool store(struct gd__options *o, const struct row *r, const char *s, size_t n)
{
	char *at = (char *)o + r->offset;
	int v = 0;

	switch (r->kind) {
	case KIND_text:
		if (n >= GD__OPTION_TEXT || !is_meant(r, s, n))
			return false;
		memcpy(at, s, n);
		at[n] = '\0';
		return true;
	case KIND_int:
		if (!parse_int(s, n, &v) || !in_range(r, v))
			return false;
		*(int *)(void *)at = v;
		return true;
	case KIND_bool:
		if (!parse_int(s, n, &v) || v < 0 || v > 1)
			return false;
		*(bool *)at = v == 1;
		return true;
	}
	return false;
}

/* The end of a value: the next colon outside of quotes. */
static const char *value_end(const char *s)
{
	bool quoted = false;

	for (; *s && (quoted || *s != ':'); s++)
		if (*s == '\'')
			quoted = !quoted;
	return s;
}

bool gd__options_parse(struct gd__options *o, const char *text, char *problem, size_t n)
{
	bool good = true;

	while (*text) {
		const char *end = value_end(text);
		const char *eq = memchr(text, '=', (size_t)(end - text));
		const struct row *r = eq ? find(text, (size_t)(eq - text)) : NULL;
		const char *v = eq ? eq + 1 : end, *vend = end;

		if (vend - v >= 2 && *v == '\'' && vend[-1] == '\'')
			v++, vend--;
		if (end != text && (!r || !store(o, r, v, (size_t)(vend - v))) && good) {
			gd__fmt(problem, n, "%s \"%.*s\"", r ? "bad value in" : "unknown option",
				(int)(end - text), text);
			good = false;
		}
		text = *end ? end + 1 : end;
	}
	return good;
}

static void print_help(void)
{
	char buf[256];
	struct gd__out o;

	gd__out_init(&o, buf, sizeof(buf), 2);
	gd__out_str(&o, "GDETECT_OPTIONS=key=value:key=value\n");
	for (size_t i = 0; i < gd__countof(rows); i++)
		gd__out_fmt(&o, "  %-16s %-9s %s\n", rows[i].name, rows[i].value, rows[i].help);
	gd__out_flush(&o);
	gd__os_exit(0);
}

void gd__options_init(void)
{
	static bool done;
	const char *text = getenv("GDETECT_OPTIONS");
	char problem[160];

	if (done)
		return;
	done = true;
	if (text && !gd__options_parse(&gd__options, text, problem, sizeof(problem)))
		gd__warn("GDETECT_OPTIONS: %s; help=1 lists them", problem);
	if (gd__options.help)
		print_help();
}

__attribute__((constructor(101))) static void read_options(void)
{
	gd__options_init();
}
