/* suppress.c - the rules of a suppression file and what they match. */
#include "detector/common/suppress.h"

#include <fcntl.h>
#include <gdetect/error.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "detector/common/alloc.h"
#include "runtime/base/atomic.h"
#include "runtime/base/fatal.h"
#include "runtime/base/lock.h"
#include "runtime/base/options.h"
#include "runtime/base/os_linux.h"

static const char *const kind_text[GD__SUPPRESS_KINDS] = { "leak", "leak_top", "leak_created_by",
							   "race", "race_top" };

bool gd__glob_match(const char *glob, const char *text)
{
	const char *star = NULL, *retry = NULL;

	while (*text != '\0') {
		if (*glob == '*') {
			star = ++glob;
			retry = text;
		} else if (*glob == '?' || *glob == *text) {
			glob++;
			text++;
		} else if (star != NULL) { /* the last star takes one more character */
			glob = star;
			text = ++retry;
		} else {
			return false;
		}
	}
	while (*glob == '*')
		glob++;
	return *glob == '\0';
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Cuts blanks and a "  # reason" off [s, end); writes a NUL there. Returns the first character. */
static char *trim(char *s, char *end)
{
	while (s < end && is_space(*s))
		s++;
	for (char *p = s; p < end; p++)
		if (*p == '#' && (p == s || is_space(p[-1]))) {
			end = p;
			break;
		}
	while (end > s && is_space(end[-1]))
		end--;
	*end = '\0';
	return s;
}

static bool parse_rule(struct gd__suppress_rule *r, char *s)
{
	for (unsigned i = 0; i < GD__SUPPRESS_KINDS; i++) {
		size_t n = strlen(kind_text[i]);

		if (strncmp(s, kind_text[i], n) == 0 && s[n] == ':' && s[n + 1] != '\0') {
			r->kind = (enum gd__suppress_kind)i;
			r->glob = trim(s + n + 1, s + strlen(s));
			return true;
		}
	}
	return false;
}

/* Splits s->text, whose last byte is free for a NUL, into rules. */
static int parse(struct gd__suppressions *s, int *line)
{
	char *at = s->text, *end = s->text + s->size - 1;

	for (*line = 1; at < end; ++*line) {
		char *eol = memchr(at, '\n', (size_t)(end - at));

		eol = eol ? eol : end;
		char *rule = trim(at, eol);

		if (*rule != '\0') {
			if (!parse_rule(&s->rules[s->count], rule))
				return GD_EINVAL;
			s->rules[s->count++].line = *line;
		}
		at = eol + 1;
	}
	*line = 0;
	return GD_OK;
}

static size_t lines_in(const char *text, size_t n)
{
	size_t lines = 1;

	for (size_t i = 0; i < n; i++)
		lines += text[i] == '\n';
	return lines;
}

/* One block: the rules, at most one a line, then the text and a byte for the last NUL. */
static int allocate(struct gd__suppressions *s, const char *text, size_t n)
{
	size_t rules = lines_in(text, n) * sizeof(struct gd__suppress_rule);

	s->count = 0;
	s->size = n + 1;
	s->rules = gd__dalloc(rules + s->size);
	if (s->rules == NULL)
		return GD_ENOMEM;
	s->text = (char *)s->rules + rules;
	memcpy(s->text, text, n);
	return GD_OK;
}

int gd__suppress_parse(struct gd__suppressions *s, const char *text, size_t n, int *line)
{
	*s = (struct gd__suppressions){ 0 };
	*line = 0;
	int r = allocate(s, text, n);

	if (r == GD_OK)
		r = parse(s, line);
	if (r != GD_OK)
		gd__suppress_release(s);
	return r;
}

void gd__suppress_release(struct gd__suppressions *s)
{
	if (s->rules != NULL)
		gd__dfree(s->rules, (size_t)(s->text - (char *)s->rules) + s->size);
	*s = (struct gd__suppressions){ 0 };
}

/* Reads fd to its end into the arena; NULL if that fails. */
static char *read_all(int fd, struct gd__arena *a, size_t *n)
{
	size_t cap = 4096;
	char *buf = gd__arena_get(a, cap);

	*n = 0;
	while (buf != NULL) {
		long r = syscall(SYS_read, fd, buf + *n, cap - *n);

		if (r < 0)
			return NULL;
		if (r == 0)
			return buf;
		*n += (size_t)r;
		if (*n == cap) {
			char *larger = gd__arena_get(a, cap * 2);

			if (larger != NULL)
				memcpy(larger, buf, cap);
			buf = larger;
			cap *= 2;
		}
	}
	return NULL;
}

int gd__suppress_load(struct gd__suppressions *s, const char *path, int *line)
{
	struct gd__arena a = { 0 };
	size_t n;

	*s = (struct gd__suppressions){ 0 };
	*line = 0;
	int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return GD_EIO;
	const char *text = read_all(fd, &a, &n);
	int r = text == NULL ? GD_EIO : gd__suppress_parse(s, text, n, line);

	syscall(SYS_close, fd);
	gd__arena_release(&a);
	return r;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool frame_matches(const char *glob, const struct gd__suppress_frame *f)
{
	if (f->function && gd__glob_match(glob, f->function))
		return true;
	if (f->file && (gd__glob_match(glob, f->file) || gd__glob_match(glob, base_name(f->file))))
		return true;
	return f->module && gd__glob_match(glob, base_name(f->module));
}

/* Does rule r of kind `any`, `top` or `created` apply? */
static bool rule_matches(const struct gd__suppress_rule *r, enum gd__suppress_kind any,
			 const struct gd__suppress_frame *frames, size_t n,
			 const struct gd__suppress_frame *creator)
{
	if (r->kind == any + 1)
		return n > 0 && frame_matches(r->glob, &frames[0]);
	if (r->kind == GD__SUPPRESS_LEAK_CREATED_BY)
		return creator && frame_matches(r->glob, creator);
	if (r->kind == any)
		for (size_t i = 0; i < n; i++)
			if (frame_matches(r->glob, &frames[i]))
				return true;
	return false;
}
_Static_assert(GD__SUPPRESS_LEAK_TOP == GD__SUPPRESS_LEAK + 1, "rule_matches counts on it");
_Static_assert(GD__SUPPRESS_RACE_TOP == GD__SUPPRESS_RACE + 1, "rule_matches counts on it");

static const struct gd__suppress_rule *first_match(struct gd__suppressions *s,
						   enum gd__suppress_kind any,
						   const struct gd__suppress_frame *frames,
						   size_t n,
						   const struct gd__suppress_frame *creator)
{
	for (size_t i = 0; i < s->count; i++)
		if (rule_matches(&s->rules[i], any, frames, n, creator)) {
			gd__add_relaxed(&s->rules[i].hits, 1); /* a statistic */
			return &s->rules[i];
		}
	return NULL;
}

const struct gd__suppress_rule *gd__suppress_leak(struct gd__suppressions *s,
						  const struct gd__suppress_frame *frames, size_t n,
						  const struct gd__suppress_frame *creator)
{
	return first_match(s, GD__SUPPRESS_LEAK, frames, n, creator);
}

const struct gd__suppress_rule *gd__suppress_race(struct gd__suppressions *s,
						  const struct gd__suppress_frame *frames, size_t n)
{
	return first_match(s, GD__SUPPRESS_RACE, frames, n, NULL);
}

static void list_rules(const struct gd__suppressions *s, unsigned kinds, bool used,
		       const char *heading, const char *path, struct gd__out *o)
{
	bool any = false;

	for (size_t i = 0; i < s->count; i++) {
		const struct gd__suppress_rule *r = &s->rules[i];
		uint32_t hits = gd__load_relaxed(&r->hits); /* a statistic */

		if ((kinds >> r->kind & 1) == 0 || (hits > 0) != used)
			continue;
		if (!any)
			gd__out_fmt(o, "%s (%s):\n", heading, path);
		any = true;
		if (used)
			gd__out_fmt(o, "  %u ", hits);
		else
			gd__out_fmt(o, "  line %d: ", r->line);
		gd__out_fmt(o, "%s:%s\n", kind_text[r->kind], r->glob);
	}
}

void gd__suppress_summary(const struct gd__suppressions *s, unsigned kinds, const char *path,
			  struct gd__out *o)
{
	list_rules(s, kinds, true, "Suppressions used", path, o);
	list_rules(s, kinds, false, "Suppressions that matched nothing", path, o);
}

struct gd__suppressions *gd__suppressions_of_process(void)
{
	static struct gd__suppressions s;
	static struct gd__lock lock;
	static bool loaded;
	int line, r;

	gd__lock(&lock, GD__RANK_LEAF);
	if (!loaded && gd__options.suppressions[0] != '\0') {
		r = gd__suppress_load(&s, gd__options.suppressions, &line);
		if (r == GD_EINVAL)
			gd__warn("%s:%d: not a suppression", gd__options.suppressions, line);
		else if (r != GD_OK)
			gd__warn("cannot read the suppressions in %s", gd__options.suppressions);
		if (r != GD_OK)
			gd__os_exit(GD__EXIT_FATAL);
	}
	loaded = true;
	gd__unlock(&lock);
	return &s;
}

/*
 * A mistyped path is to be seen at once, not with the first finding. A pipe is left until then:
 * whoever writes to it may be waiting for us.
 */
__attribute__((constructor(103))) static void load_at_start(void)
{
	struct stat st;

	gd__options_init();
	if (stat(gd__options.suppressions, &st) != 0 || !S_ISFIFO(st.st_mode))
		gd__suppressions_of_process();
}
