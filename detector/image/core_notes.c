/*
 * core_notes.c - NT_PRPSINFO, NT_PRSTATUS per thread, NT_AUXV, NT_FILE.
 *
 * The structures are those of <sys/procfs.h>; what the kernel would know and
 * we do not (times, signals) stays zero.
 */
#include "detector/image/core_notes.h"

#include <elf.h>
#include <string.h>
#include <sys/procfs.h>

#include "detector/image/core_io.h"

#define AUXV_MAX 4096
#define PAGE     ((uint64_t)4096)

_Static_assert(sizeof(((struct elf_prstatus *)0)->pr_reg) == GD__CORE_REGS * sizeof(uint64_t),
	       "registers of NT_PRSTATUS");

static size_t align4(size_t n)
{
	return (n + 3) & ~(size_t)3;
}

/* Space of a note with an n-byte descriptor. */
static size_t note_size(size_t n)
{
	return sizeof(Elf64_Nhdr) + 8 + align4(n);
}

/* The header and name "CORE" of a note; returns where its descriptor begins. */
static char *note_open(char **at, uint32_t type)
{
	Elf64_Nhdr *h = (Elf64_Nhdr *)(void *)*at;

	h->n_namesz = 5;
	h->n_type = type;
	memcpy(h + 1, "CORE\0\0\0", 8);
	return (char *)(h + 1) + 8;
}

static void note_close(char **at, char *desc, size_t n)
{
	Elf64_Nhdr *h = (Elf64_Nhdr *)(void *)*at;

	h->n_descsz = (uint32_t)n;
	memset(desc + n, 0, align4(n) - n);
	*at = desc + align4(n);
}

static void copy_text(char *to, size_t cap, const char *from)
{
	size_t n = strnlen(from, cap - 1);

	memcpy(to, from, n);
	to[n] = 0;
}

/* The command line with blanks for its NULs, and the short name of the process. */
static void process_info(struct elf_prpsinfo *p, int32_t pid)
{
	char text[ELF_PRARGSZ];
	int64_t n = gd__io_slurp(pid, "comm", text, sizeof(text) - 1);

	*p = (struct elf_prpsinfo){ .pr_pid = pid, .pr_sname = 'R' };
	if (n > 0) {
		text[text[n - 1] == '\n' ? n - 1 : n] = 0;
		copy_text(p->pr_fname, sizeof(p->pr_fname), text);
	}
	n = gd__io_slurp(pid, "cmdline", text, sizeof(text) - 1);
	for (int64_t i = 0; i + 1 < n; i++)
		if (text[i] == 0)
			text[i] = ' ';
	if (n > 0) {
		text[n] = 0;
		copy_text(p->pr_psargs, sizeof(p->pr_psargs), text);
	}
}

static void add_threads(char **at, const struct gd__core_source *src)
{
	for (size_t i = 0; i < src->nthreads; i++) {
		char *desc = note_open(at, NT_PRSTATUS);
		struct elf_prstatus *s = (struct elf_prstatus *)(void *)desc;

		*s = (struct elf_prstatus){ .pr_pid = src->threads[i].tid };
		memcpy(&s->pr_reg, src->threads[i].regs, sizeof(s->pr_reg));
		note_close(at, desc, sizeof(*s));
	}
}

static bool listed(const struct gd__map *m)
{
	return m->file && m->name[0] == '/';
}

/* count, page size, {lo, hi, offset in pages} * count, then the names. */
static void add_files(char **at, const struct gd__maps *maps)
{
	char *desc = note_open(at, NT_FILE);
	uint64_t *word = (uint64_t *)(void *)desc + 2;
	uint64_t count = 0;

	for (size_t i = 0; i < maps->n; i++) {
		const struct gd__map *m = &maps->map[i];

		if (!listed(m))
			continue;
		*word++ = m->lo;
		*word++ = m->hi;
		*word++ = m->offset / PAGE;
		count++;
	}
	char *text = (char *)word;

	for (size_t i = 0; i < maps->n; i++) {
		if (!listed(&maps->map[i]))
			continue;
		size_t n = strlen(maps->map[i].name) + 1;

		memcpy(text, maps->map[i].name, n);
		text += n;
	}
	((uint64_t *)(void *)desc)[0] = count;
	((uint64_t *)(void *)desc)[1] = PAGE;
	note_close(at, desc, (size_t)(text - desc));
}

size_t gd__notes_bound(const struct gd__core_source *src, const struct gd__maps *maps)
{
	size_t files = 16;

	for (size_t i = 0; i < maps->n; i++)
		if (listed(&maps->map[i]))
			files += 24 + strlen(maps->map[i].name) + 1;
	return note_size(sizeof(struct elf_prpsinfo)) + note_size(AUXV_MAX) + note_size(files) +
	       src->nthreads * note_size(sizeof(struct elf_prstatus));
}

size_t gd__notes_build(char *buf, const struct gd__core_source *src, const struct gd__maps *maps)
{
	char *at = buf;
	char *desc = note_open(&at, NT_PRPSINFO);

	process_info((struct elf_prpsinfo *)(void *)desc, src->pid);
	note_close(&at, desc, sizeof(struct elf_prpsinfo));
	add_threads(&at, src);
	desc = note_open(&at, NT_AUXV);

	int64_t n = gd__io_slurp(src->pid, "auxv", desc, AUXV_MAX);

	note_close(&at, desc, n > 0 ? (size_t)n : 0);
	add_files(&at, maps);
	return (size_t)(at - buf);
}
