/*
 * core_maps.c - reads /proc/pid/smaps.
 *
 * The list is counted first from the cheap maps file, because memory must be
 * taken before the real pass: in our own process taking it adds a mapping.
 */
#include "detector/image/core_maps.h"

#include <errno.h>
#include <string.h>

#include "detector/image/core_io.h"
#include "runtime/base/os_linux.h"

/* Mappings that may appear between the two passes. */
#define SLACK       64
#define SLACK_NAMES ((size_t)64 * 1024)
/* An untouched mapping of this size or more is left out instead of written as a hole. */
#define HUGE_RESERVE ((uint64_t)1 << 30)

/* Lines of a file; longer ones are cut. */
struct lines {
	int fd;
	size_t at, have;
	char line[4608]; /* PATH_MAX and the columns before it */
	char buf[16384];
};

static bool next_byte(struct lines *l, char *c)
{
	if (l->at == l->have) {
		int64_t n = gd__io_read(l->fd, l->buf, sizeof(l->buf));

		if (n <= 0)
			return false;
		l->at = 0;
		l->have = (size_t)n;
	}
	*c = l->buf[l->at++];
	return true;
}

static bool next_line(struct lines *l)
{
	size_t n = 0;
	char c;

	while (next_byte(l, &c)) {
		if (c == '\n') {
			l->line[n] = 0;
			return true;
		}
		if (n < sizeof(l->line) - 1)
			l->line[n++] = c;
	}
	l->line[n] = 0;
	return n > 0;
}

static const char *parse_hex(const char *s, uint64_t *value)
{
	uint64_t v = 0;

	for (;; s++) {
		unsigned digit;

		if (*s >= '0' && *s <= '9')
			digit = (unsigned)(*s - '0');
		else if (*s >= 'a' && *s <= 'f')
			digit = (unsigned)(*s - 'a') + 10;
		else
			break;
		v = v << 4 | digit;
	}
	*value = v;
	return s;
}

static const char *skip_word(const char *s)
{
	while (*s && *s != ' ')
		s++;
	while (*s == ' ')
		s++;
	return s;
}

/* "lo-hi rwxp offset dev inode   name"; false if the line is not of that form. */
static bool parse_header(const char *s, struct gd__map *m)
{
	const char *p = parse_hex(s, &m->lo);

	if (p == s || *p != '-')
		return false;
	p = parse_hex(p + 1, &m->hi);
	if (*p != ' ' || strnlen(p, 6) < 6 || m->hi <= m->lo)
		return false;
	m->readable = p[1] == 'r';
	m->writable = p[2] == 'w';
	m->executable = p[3] == 'x';
	m->shared = p[4] == 's';
	p = parse_hex(p + 6, &m->offset);
	p = skip_word(p); /* end of the offset */
	p = skip_word(p); /* device */
	m->file = *p != '0' && *p != 0;
	m->name = skip_word(p);
	m->file |= strcmp(m->name, "[vdso]") == 0;
	return true;
}

static const char *keep_name(struct gd__maps *m, const char *name)
{
	size_t n = strlen(name) + 1;

	if (m->names_len + n > m->names_cap)
		return "";
	char *copy = m->names + m->names_len;

	memcpy(copy, name, n);
	m->names_len += n;
	return copy;
}

static bool has_flag(const char *flags, const char *flag)
{
	for (const char *p = skip_word(flags); *p; p = skip_word(p))
		if (p[0] == flag[0] && p[1] == flag[1] && (p[2] == ' ' || p[2] == 0))
			return true;
	return false;
}

static bool starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* A size line of smaps that is not "0 kB". */
static bool nonzero(const char *line)
{
	const char *p = skip_word(line);

	return *p >= '1' && *p <= '9';
}

static void parse_detail(const char *s, struct gd__map *m)
{
	if (starts(s, "VmFlags:")) {
		m->nodump = has_flag(s, "dd");
		m->device = has_flag(s, "io") || has_flag(s, "pf");
	} else if (starts(s, "Anonymous:") && nonzero(s)) {
		m->written = true;
	} else if ((starts(s, "Rss:") || starts(s, "Swap:")) && nonzero(s)) {
		m->touched = true;
	}
}

static bool deleted(const char *name)
{
	static const char suffix[] = " (deleted)";
	size_t n = strlen(name);

	return n >= sizeof(suffix) - 1 && strcmp(name + n - (sizeof(suffix) - 1), suffix) == 0;
}

/* The rules of the kernel's default filter, and: unreadable memory is never content. */
static enum gd__map_content content_of(const struct gd__map *m)
{
	if (m->nodump || m->device || !m->readable || starts(m->name, "[vvar"))
		return GD__MAP_NOTHING;
	if (!m->file)
		return m->touched || m->hi - m->lo < HUGE_RESERVE ? GD__MAP_ALL : GD__MAP_NOTHING;
	if (m->shared)
		return deleted(m->name) ? GD__MAP_ALL : GD__MAP_NOTHING;
	if (m->writable || m->written || m->name[0] == '[')
		return GD__MAP_ALL;
	return m->offset == 0 ? GD__MAP_HEADER : GD__MAP_NOTHING;
}

static void count(struct lines *l, size_t *maps, size_t *names)
{
	struct gd__map m;

	*maps = *names = 0;
	while (next_line(l)) {
		if (!parse_header(l->line, &m))
			continue;
		*maps += 1;
		*names += strlen(m.name) + 1;
	}
}

static void read_all(struct gd__maps *m, struct lines *l, bool details)
{
	struct gd__map *cur = NULL;

	while (next_line(l)) {
		struct gd__map one = { 0 };

		if (!parse_header(l->line, &one)) {
			if (cur)
				parse_detail(l->line, cur);
			continue;
		}
		cur = NULL;
		if (m->n == m->cap || strcmp(one.name, "[vsyscall]") == 0)
			continue;
		one.touched = !details; /* without details: rather too much than too little */
		one.name = keep_name(m, one.name);
		cur = &m->map[m->n++];
		*cur = one;
	}
	for (size_t i = 0; i < m->n; i++)
		m->map[i].content = content_of(&m->map[i]);
}

static int take_memory(struct gd__maps *m, size_t maps, size_t names)
{
	size_t page = GD__PAGE;

	m->cap = maps + SLACK;
	m->names_cap = names + SLACK_NAMES;
	m->memory_size = m->cap * sizeof(struct gd__map) + m->names_cap;
	m->memory_size = (m->memory_size + page - 1) & ~(page - 1);
	m->memory = gd__os_map(m->memory_size);
	if (!m->memory)
		return -ENOMEM;
	gd__os_nodump(m->memory, m->memory_size);
	m->map = m->memory;
	m->names = (char *)m->memory + m->cap * sizeof(struct gd__map);
	return 0;
}

/* The line buffer is too big for a small stack, and malloc is not for us. */
static struct lines *lines_open(int32_t pid, const char *name, int *error)
{
	int fd = gd__io_open_proc(pid, name);

	if (fd < 0) {
		*error = fd;
		return NULL;
	}
	struct lines *l = gd__os_map(sizeof(*l));

	if (!l) {
		gd__io_close(fd);
		*error = -ENOMEM;
		return NULL;
	}
	gd__os_nodump(l, sizeof(*l));
	l->fd = fd;
	return l;
}

static void lines_close(struct lines *l)
{
	gd__io_close(l->fd);
	gd__os_unmap(l, sizeof(*l));
}

int gd__maps_read(struct gd__maps *m, int32_t pid)
{
	size_t maps, names;
	int error = 0;
	struct lines *l = lines_open(pid, "maps", &error);

	*m = (struct gd__maps){ 0 };
	if (!l)
		return error;
	count(l, &maps, &names);
	lines_close(l);
	error = take_memory(m, maps, names);
	if (error)
		return error;

	bool details = true;

	l = lines_open(pid, "smaps", &error);
	if (!l) {
		details = false;
		l = lines_open(pid, "maps", &error);
	}
	if (!l) {
		gd__maps_release(m);
		return error;
	}
	read_all(m, l, details);
	lines_close(l);
	if (m->n == 0) {
		gd__maps_release(m);
		return -ESRCH; /* a process that is gone has no mappings */
	}
	return 0;
}

void gd__maps_release(struct gd__maps *m)
{
	if (m->memory)
		gd__os_unmap(m->memory, m->memory_size);
	*m = (struct gd__maps){ 0 };
}
