/*
 * core_writer.c - the dump file: header, program headers, notes, memory.
 *
 * Memory is read through /proc/pid/mem, which works for ourselves and for a
 * traced process alike and reports an unreadable page instead of faulting.
 * Pages that do not exist (pagemap) or are all zeros become holes, so a file
 * is about as big on disk as the memory in use.
 */
#include "detector/image/core_writer.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "detector/image/core_io.h"
#include "detector/image/core_maps.h"
#include "detector/image/core_notes.h"
#include "runtime/base/fmt.h"
#include "runtime/base/os_linux.h"

#define CHUNK   ((size_t)1 << 20)
#define ENTRIES (CHUNK / GD__PAGE)

/* Bits of an entry of /proc/pid/pagemap. */
#define PM_PRESENT ((uint64_t)1 << 63)
#define PM_SWAPPED ((uint64_t)1 << 62)

struct writer {
	const struct gd__core_source *src;
	struct gd__maps maps;
	const char *doing;
	int fd, mem, pagemap;
	char *chunk;       /* CHUNK bytes of memory */
	uint64_t *entries; /* of pagemap, for one chunk */
	uint64_t done, total;
};

static uint64_t page_up(uint64_t n)
{
	return (n + GD__PAGE - 1) & ~(uint64_t)(GD__PAGE - 1);
}

static uint64_t content_size(const struct gd__map *m)
{
	if (m->content == GD__MAP_ALL)
		return m->hi - m->lo;
	return m->content == GD__MAP_HEADER ? GD__PAGE : 0;
}

static bool all_zero(const char *page)
{
	const uint64_t *w = (const uint64_t *)(const void *)page;

	for (size_t i = 0; i < GD__PAGE / sizeof(*w); i++)
		if (w[i])
			return false;
	return true;
}

/* Writes the pages of [0, n) of the chunk that are not zero, in runs. */
static int write_pages(struct writer *w, size_t n, uint64_t offset)
{
	size_t begin = 0;

	for (size_t at = 0; at <= n; at += GD__PAGE) {
		if (at < n && !all_zero(w->chunk + at))
			continue;
		if (at > begin) {
			int r = gd__io_pwrite(w->fd, w->chunk + begin, at - begin, offset + begin);

			if (r)
				return r;
		}
		begin = at + GD__PAGE;
	}
	return 0;
}

/* Which pages of [lo, lo+n) exist. Unknown counts as existing. */
static void look_up_pages(struct writer *w, const struct gd__map *m, uint64_t lo, size_t n)
{
	size_t want = n / GD__PAGE * sizeof(uint64_t);

	/* An absent page of a file is not zero: it has not been read in yet. */
	if (m->file || w->pagemap < 0 ||
	    gd__io_pread(w->pagemap, w->entries, want, lo / GD__PAGE * sizeof(uint64_t)) !=
		    (int64_t)want)
		memset(w->entries, 0xff, want);
}

/* Copies [lo, lo+n) to the chunk; what cannot be read becomes zero. */
static void read_run(struct writer *w, uint64_t base, uint64_t lo, uint64_t hi)
{
	while (lo < hi) {
		char *to = w->chunk + (lo - base);
		int64_t r = gd__io_pread(w->mem, to, hi - lo, lo);

		if (r > 0) {
			lo += (uint64_t)r;
			continue;
		}
		/* The rest of this page is unreadable: a guard, or a file that was cut. */
		uint64_t next = page_up(lo + 1) < hi ? page_up(lo + 1) : hi;

		memset(to, 0, next - lo);
		lo = next;
	}
}

static void patch(struct writer *w, uint64_t lo, size_t n)
{
	uint64_t at = w->src->patch_addr;

	if (at >= lo && at + sizeof(int64_t) <= lo + n)
		memcpy(w->chunk + (at - lo), &w->src->patch_value, sizeof(int64_t));
}

/* One chunk, at most CHUNK bytes: reads the pages that exist in runs. */
static int write_chunk(struct writer *w, const struct gd__map *m, uint64_t lo, size_t n,
		       uint64_t offset)
{
	size_t pages = n / GD__PAGE, i = 0;
	bool any = false;

	look_up_pages(w, m, lo, n);
	while (i < pages) {
		size_t j = i;
		bool here = w->entries[i] & (PM_PRESENT | PM_SWAPPED);

		while (j < pages && here == !!(w->entries[j] & (PM_PRESENT | PM_SWAPPED)))
			j++;
		if (here)
			read_run(w, lo, lo + i * GD__PAGE, lo + j * GD__PAGE);
		else
			memset(w->chunk + i * GD__PAGE, 0, (j - i) * GD__PAGE);
		any |= here;
		i = j;
	}
	if (!any)
		return 0;
	patch(w, lo, n);
	return write_pages(w, n, offset);
}

static int write_map(struct writer *w, const struct gd__map *m, uint64_t offset)
{
	uint64_t size = content_size(m);

	for (uint64_t at = 0; at < size; at += CHUNK) {
		size_t n = size - at < CHUNK ? size - at : CHUNK;
		int r = write_chunk(w, m, m->lo + at, n, offset + at);

		if (r)
			return r;
		w->done += n;
		if (w->src->progress)
			w->src->progress(w->src->arg, w->done, w->total);
	}
	return 0;
}

static void fill_header(Elf64_Ehdr *e, size_t segments, uint64_t section_at)
{
	*e = (Elf64_Ehdr){
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			     EV_CURRENT },
		.e_type = ET_CORE,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(Elf64_Ehdr),
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = segments < PN_XNUM ? (uint16_t)segments : PN_XNUM,
	};
	if (segments >= PN_XNUM) {
		e->e_shoff = section_at;
		e->e_shentsize = sizeof(Elf64_Shdr);
		e->e_shnum = 1;
	}
}

static void fill_load(Elf64_Phdr *p, const struct gd__map *m, uint64_t offset)
{
	*p = (Elf64_Phdr){
		.p_type = PT_LOAD,
		.p_flags = (m->readable ? PF_R : 0u) | (m->writable ? PF_W : 0u) |
			   (m->executable ? PF_X : 0u),
		.p_offset = offset,
		.p_vaddr = m->lo,
		.p_filesz = content_size(m),
		.p_memsz = m->hi - m->lo,
		.p_align = GD__PAGE,
	};
}

/*
 * Builds everything before the memory in one buffer: header, program headers,
 * the extra section header (65535 segments and more: its sh_info holds the
 * number), notes. *data is where the memory begins, *end where the file ends.
 */
static int write_head(struct writer *w, uint64_t *data, uint64_t *end)
{
	size_t segments = w->maps.n + 1;
	uint64_t section_at = sizeof(Elf64_Ehdr) + segments * sizeof(Elf64_Phdr);
	uint64_t notes_at = section_at + sizeof(Elf64_Shdr);
	size_t cap = page_up(notes_at + gd__notes_bound(w->src, &w->maps));
	char *buf = gd__os_map(cap);

	if (!buf)
		return -ENOMEM;
	Elf64_Phdr *p = (Elf64_Phdr *)(void *)(buf + sizeof(Elf64_Ehdr));
	size_t notes = gd__notes_build(buf + notes_at, w->src, &w->maps);
	uint64_t offset = page_up(notes_at + notes);

	fill_header((Elf64_Ehdr *)(void *)buf, segments, section_at);
	((Elf64_Shdr *)(void *)(buf + section_at))->sh_info = (uint32_t)segments;
	*p++ = (Elf64_Phdr){
		.p_type = PT_NOTE, .p_offset = notes_at, .p_filesz = notes, .p_align = 4
	};
	*data = offset;
	for (size_t i = 0; i < w->maps.n; i++) {
		fill_load(p++, &w->maps.map[i], offset);
		offset += content_size(&w->maps.map[i]);
	}
	*end = offset;

	int r = gd__io_pwrite(w->fd, buf, notes_at + notes, 0);

	gd__os_unmap(buf, cap);
	return r;
}

static int write_file(struct writer *w)
{
	uint64_t offset, end;

	w->doing = "write";
	int r = write_head(w, &offset, &end);

	if (!r)
		r = gd__io_truncate(w->fd, end);
	for (size_t i = 0; i < w->maps.n && !r; i++) {
		r = write_map(w, &w->maps.map[i], offset);
		offset += content_size(&w->maps.map[i]);
	}
	return r ? r : gd__io_sync(w->fd);
}

/* Takes what the writing needs from the process; the caller releases it in any case. */
static int open_process(struct writer *w)
{
	w->doing = "read the mappings of the process for";
	int r = gd__maps_read(&w->maps, w->src->pid);

	if (r)
		return r;
	for (size_t i = 0; i < w->maps.n; i++)
		w->total += content_size(&w->maps.map[i]);
	w->doing = "read the memory of the process for";
	w->mem = gd__io_open_proc(w->src->pid, "mem");
	if (w->mem < 0)
		return w->mem;
	w->pagemap = gd__io_open_proc(w->src->pid, "pagemap");
	w->chunk = gd__os_map(CHUNK + ENTRIES * sizeof(uint64_t));
	if (!w->chunk)
		return -ENOMEM;
	gd__os_nodump(w->chunk, CHUNK + ENTRIES * sizeof(uint64_t));
	w->entries = (uint64_t *)(void *)(w->chunk + CHUNK);
	return 0;
}

static void close_process(struct writer *w)
{
	if (w->mem >= 0)
		gd__io_close(w->mem);
	if (w->pagemap >= 0)
		gd__io_close(w->pagemap);
	if (w->chunk)
		gd__os_unmap(w->chunk, CHUNK + ENTRIES * sizeof(uint64_t));
	gd__maps_release(&w->maps);
}

/* Opens tmp for us alone; an older file of a writer that was killed is used again. */
static int open_output(struct writer *w, const char *path, const char *tmp)
{
	w->doing = "replace";
	int r = gd__io_replaceable(path);

	if (r)
		return r;
	w->doing = "create";
	w->fd = gd__io_open(tmp, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
	if (w->fd < 0)
		return w->fd;
	r = gd__io_lock(w->fd);
	if (!r)
		r = gd__io_truncate(w->fd, 0);
	if (r) {
		gd__io_close(w->fd);
		w->fd = -1;
	}
	return r;
}

int gd__core_write_fd(const struct gd__core_source *src, int fd, const char **doing)
{
	struct writer w = { .src = src, .fd = fd, .mem = -1, .pagemap = -1 };
	int r = open_process(&w);

	if (!r)
		r = write_file(&w);
	close_process(&w);
	*doing = w.doing;
	return r;
}

int gd__core_write(const struct gd__core_source *src, const char *path, const char **doing)
{
	struct writer w = { .src = src, .fd = -1, .mem = -1, .pagemap = -1 };
	char tmp[4096];
	size_t n = gd__fmt(tmp, sizeof(tmp), "%s.tmp~", path);
	int r = n + 1 < sizeof(tmp) ? 0 : -ENAMETOOLONG;

	w.doing = "create";
	if (!r)
		r = open_output(&w, path, tmp);
	if (!r)
		r = open_process(&w);
	if (!r)
		r = write_file(&w);
	close_process(&w);
	if (w.fd >= 0 && !r) {
		w.doing = "replace";
		r = gd__io_rename(tmp, path);
	}
	if (w.fd >= 0) {
		if (r)
			gd__io_unlink(tmp);
		gd__io_close(w.fd); /* and the lock with it, last */
	}
	*doing = w.doing;
	return r;
}
