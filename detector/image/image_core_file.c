/*
 * image_core_file.c - parses an ELF core.
 *
 * Our own reader instead of libelf's: a cut or hostile file must give what
 * can be read of it and a word about the rest, so every access is checked
 * here, in slice().
 */
#include "detector/image/image_core_file.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/procfs.h>
#include <sys/stat.h>
#include <unistd.h>

/* More than any process has: vm.max_map_count is 65530 by default. */
#define SEGMENTS_MAX ((uint64_t)1 << 24)
#define THREADS_MAX  ((size_t)1 << 22)

/* [offset, offset+n) of the file, or NULL if it is not all there. */
static const void *slice(const struct gd__corefile *c, uint64_t offset, uint64_t n)
{
	if (offset > c->size || n > c->size - offset)
		return NULL;
	return c->data + offset;
}

static bool fail(char *error, const char *text)
{
	snprintf(error, GD__CORE_TEXT, "%s", text);
	return false;
}

static bool map_file(struct gd__corefile *c, const char *path, char *error)
{
	struct stat st = { 0 };
	int fd = gd__core_unpack(path, error);

	if (fd < 0)
		return false;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return fail(error,
			    S_ISDIR(st.st_mode) ? "is a directory" : "is not a regular file");
	}
	if (st.st_size == 0) {
		close(fd);
		return fail(error, "is empty");
	}
	c->size = (size_t)st.st_size;

	void *p = mmap(NULL, c->size, PROT_READ, MAP_PRIVATE, fd, 0);

	close(fd);
	if (p == MAP_FAILED) {
		c->size = 0;
		return fail(error, strerror(errno));
	}
	c->data = p;
	return true;
}

static bool check_header(const struct gd__corefile *c, Elf64_Ehdr *e, char *error)
{
	const void *p = slice(c, 0, sizeof(*e));

	if (c->size < SELFMAG || memcmp(c->data, ELFMAG, SELFMAG) != 0)
		return fail(error, "is not an ELF file");
	if (!p)
		return fail(error, "is cut off in the ELF header");
	memcpy(e, p, sizeof(*e));
	if (e->e_ident[EI_CLASS] != ELFCLASS64 || e->e_ident[EI_DATA] != ELFDATA2LSB)
		return fail(error, "is not a 64-bit little-endian ELF file");
	if (e->e_type != ET_CORE)
		return fail(error, "is an ELF file but not a core");
	if (e->e_machine != EM_X86_64)
		return fail(error, "is a core of another processor than x86-64");
	if (e->e_phentsize != sizeof(Elf64_Phdr))
		return fail(error, "has program headers of an unknown size");
	return true;
}

/* The number of program headers, which may stand in the first section header. */
static uint64_t header_count(const struct gd__corefile *c, const Elf64_Ehdr *e)
{
	Elf64_Shdr s;
	const void *p;

	if (e->e_phnum != PN_XNUM)
		return e->e_phnum;
	p = slice(c, e->e_shoff, sizeof(s));
	if (!p)
		return PN_XNUM;
	memcpy(&s, p, sizeof(s));
	return s.sh_info;
}

static void add_segment(struct gd__corefile *c, const Elf64_Phdr *p)
{
	uint64_t hi, there = p->p_offset < c->size ? c->size - p->p_offset : 0;
	uint64_t bytes = p->p_filesz < p->p_memsz ? p->p_filesz : p->p_memsz;

	if (__builtin_add_overflow(p->p_vaddr, p->p_memsz, &hi) || p->p_memsz == 0)
		return;
	if (bytes > there) {
		c->lost += bytes - there;
		bytes = there;
	}
	c->segments[c->nsegments++] = (struct gd__segment){
		.lo = p->p_vaddr,
		.hi = hi,
		.offset = p->p_offset,
		.bytes = bytes,
		.readable = p->p_flags & PF_R,
		.writable = p->p_flags & PF_W,
		.executable = p->p_flags & PF_X,
	};
}

static bool add_thread(struct gd__corefile *c, const unsigned char *desc, size_t n)
{
	struct elf_prstatus s;

	if (n < sizeof(s) || c->nthreads >= THREADS_MAX)
		return true;
	if ((c->nthreads & (c->nthreads - 1)) == 0) { /* a power of two: full */
		size_t cap = c->nthreads ? c->nthreads * 2 : 1;
		void *grown = realloc(c->threads, cap * sizeof(*c->threads));

		if (!grown)
			return false;
		c->threads = grown;
	}
	memcpy(&s, desc, sizeof(s));

	struct gd__core_thread *t = &c->threads[c->nthreads++];

	t->tid = s.pr_pid;
	memcpy(t->regs, &s.pr_reg, sizeof(t->regs));
	return true;
}

/* count, page size, {lo, hi, offset in pages} * count, names. */
static bool add_files(struct gd__corefile *c, const unsigned char *desc, size_t n)
{
	uint64_t head[2];

	if (n < sizeof(head) || c->files)
		return true;
	memcpy(head, desc, sizeof(head));
	if (head[0] > (n - sizeof(head)) / 24 || head[0] == 0)
		return true;
	c->files = calloc(head[0], sizeof(*c->files));
	if (!c->files)
		return false;

	const char *text = (const char *)desc + sizeof(head) + head[0] * 24;
	const char *end = (const char *)desc + n;

	for (uint64_t i = 0; i < head[0]; i++) {
		uint64_t w[3];
		size_t left = (size_t)(end - text), len = strnlen(text, left);

		if (len == left)
			break; /* no NUL: the note is cut */
		memcpy(w, desc + sizeof(head) + i * 24, sizeof(w));
		if (w[1] > w[0])
			c->files[c->nfiles++] =
				(struct gd__filemap){ w[0], w[1], w[2] * head[1], text };
		text += len + 1;
	}
	return true;
}

static void add_info(struct gd__corefile *c, const unsigned char *desc, size_t n)
{
	struct elf_prpsinfo p;

	if (n < sizeof(p))
		return;
	memcpy(&p, desc, sizeof(p));
	p.pr_psargs[sizeof(p.pr_psargs) - 1] = 0;
	p.pr_fname[sizeof(p.pr_fname) - 1] = 0;
	c->pid = p.pr_pid;
	snprintf(c->program, sizeof(c->program), "%s", p.pr_psargs[0] ? p.pr_psargs : p.pr_fname);
}

static void add_auxv(struct gd__corefile *c, const unsigned char *desc, size_t n)
{
	uint64_t pair[2];

	for (size_t at = 0; at + sizeof(pair) <= n; at += sizeof(pair)) {
		memcpy(pair, desc + at, sizeof(pair));
		if (pair[0] == AT_ENTRY)
			c->entry = pair[1];
	}
}

static bool add_note(struct gd__corefile *c, uint32_t type, const unsigned char *desc, size_t n)
{
	switch (type) {
	case NT_PRSTATUS:
		return add_thread(c, desc, n);
	case NT_FILE:
		return add_files(c, desc, n);
	case NT_PRPSINFO:
		add_info(c, desc, n);
		return true;
	case NT_AUXV:
		add_auxv(c, desc, n);
		return true;
	default:
		return true;
	}
}

static bool parse_notes(struct gd__corefile *c, const Elf64_Phdr *p)
{
	uint64_t at = p->p_offset, end = p->p_offset + p->p_filesz;

	if (end < at || end > c->size) {
		end = c->size;
		c->lost += 1; /* at least; the count of memory is separate */
	}
	while (at + sizeof(Elf64_Nhdr) <= end) {
		Elf64_Nhdr h;

		memcpy(&h, c->data + at, sizeof(h));
		uint64_t desc = at + sizeof(h) + (((uint64_t)h.n_namesz + 3) & ~3ull);

		if (desc > end || h.n_descsz > end - desc)
			break;
		if (h.n_namesz == 5 && memcmp(c->data + at + sizeof(h), "CORE", 5) == 0 &&
		    !add_note(c, h.n_type, c->data + desc, h.n_descsz))
			return false;
		at = desc + (((uint64_t)h.n_descsz + 3) & ~3ull);
	}
	return true;
}

static bool parse_headers(struct gd__corefile *c, const Elf64_Ehdr *e, char *error)
{
	uint64_t n = header_count(c, e);

	if (n == 0)
		return fail(error, "is a core without memory");
	if (n > SEGMENTS_MAX || !slice(c, e->e_phoff, n * sizeof(Elf64_Phdr)))
		return fail(error, "is cut off in the program headers");
	c->segments = calloc(n, sizeof(*c->segments));
	if (!c->segments)
		return fail(error, strerror(ENOMEM));
	for (uint64_t i = 0; i < n; i++) {
		Elf64_Phdr p;

		memcpy(&p, c->data + e->e_phoff + i * sizeof(p), sizeof(p));
		if (p.p_type == PT_LOAD)
			add_segment(c, &p);
		else if (p.p_type == PT_NOTE && !parse_notes(c, &p))
			return fail(error, strerror(ENOMEM));
	}
	return true;
}

static int by_segment(const void *a, const void *b)
{
	const struct gd__segment *x = a, *y = b;

	return (x->lo > y->lo) - (x->lo < y->lo);
}

static int by_file(const void *a, const void *b)
{
	const struct gd__filemap *x = a, *y = b;

	return (x->lo > y->lo) - (x->lo < y->lo);
}

bool gd__corefile_open(struct gd__corefile *c, const char *path, char error[GD__CORE_TEXT])
{
	Elf64_Ehdr e;

	*c = (struct gd__corefile){ 0 };
	if (!map_file(c, path, error) || !check_header(c, &e, error) ||
	    !parse_headers(c, &e, error)) {
		gd__corefile_close(c);
		return false;
	}
	qsort(c->segments, c->nsegments, sizeof(*c->segments), by_segment);
	if (c->files)
		qsort(c->files, c->nfiles, sizeof(*c->files), by_file);
	return true;
}

void gd__corefile_close(struct gd__corefile *c)
{
	if (c->data)
		munmap((void *)(uintptr_t)c->data, c->size);
	free(c->segments);
	free(c->threads);
	free(c->files);
	*c = (struct gd__corefile){ 0 };
}

const struct gd__segment *gd__corefile_segment(const struct gd__corefile *c, uint64_t addr)
{
	size_t lo = 0, hi = c->nsegments;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (c->segments[mid].hi <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	/* Overlapping segments of a hostile file may hide each other; they break nothing. */
	if (lo == c->nsegments || addr < c->segments[lo].lo || addr >= c->segments[lo].hi)
		return NULL;
	return &c->segments[lo];
}

const void *gd__corefile_view(const struct gd__corefile *c, uint64_t addr, size_t n, size_t *got)
{
	const struct gd__segment *s = gd__corefile_segment(c, addr);

	if (!s || addr - s->lo >= s->bytes)
		return NULL;

	uint64_t left = s->bytes - (addr - s->lo);

	*got = n < left ? n : (size_t)left;
	return c->data + s->offset + (addr - s->lo);
}

const struct gd__filemap *gd__corefile_filemap(const struct gd__corefile *c, uint64_t addr)
{
	size_t lo = 0, hi = c->nfiles;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (c->files[mid].hi <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == c->nfiles || addr < c->files[lo].lo || addr >= c->files[lo].hi)
		return NULL;
	return &c->files[lo];
}
