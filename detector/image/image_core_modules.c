/*
 * image_core_modules.c - finds modules in NT_FILE and checks their files.
 *
 * The first page of a module is in the core under the kernel's default
 * filter and in our own dumps; it holds the ELF header, the program headers
 * and mostly the notes.
 */
#include "detector/image/image_core_modules.h"

#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/inspect/anchor.h"

#define PHDRS_MAX 128
#define NOTES_MAX ((uint64_t)64 * 1024)

static const char *base_name(const char *path)
{
	/* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): collect() gives all a path. */
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool map_disk(struct gd__module *m)
{
	struct stat st;
	/* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): as above */
	int fd = open(m->disk, O_RDONLY | O_CLOEXEC);

	m->file = GD__MODULE_MISSING;
	if (fd < 0)
		return false;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size >= (off_t)sizeof(Elf64_Ehdr)) {
		void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);

		if (p != MAP_FAILED) {
			m->image = p;
			m->image_size = (size_t)st.st_size;
		}
	}
	close(fd);
	return m->image != NULL;
}

static void unmap_disk(struct gd__module *m)
{
	if (m->image)
		munmap((void *)(uintptr_t)m->image, m->image_size);
	m->image = NULL;
	m->image_size = 0;
}

/* Program headers of a module, from wherever they can be read. */
struct headers {
	Elf64_Ehdr e;
	Elf64_Phdr p[PHDRS_MAX];
};

static bool good_header(const Elf64_Ehdr *e)
{
	return memcmp(e->e_ident, ELFMAG, SELFMAG) == 0 && e->e_ident[EI_CLASS] == ELFCLASS64 &&
	       e->e_phentsize == sizeof(Elf64_Phdr) && e->e_phnum <= PHDRS_MAX;
}

static bool core_bytes(const struct gd__corefile *c, uint64_t addr, void *buf, size_t n)
{
	size_t got;
	const void *p = gd__corefile_view(c, addr, n, &got);

	if (!p || got < n)
		return false;
	memcpy(buf, p, n);
	return true;
}

static bool headers_of_core(const struct gd__corefile *c, uint64_t at, struct headers *h)
{
	return core_bytes(c, at, &h->e, sizeof(h->e)) && good_header(&h->e) &&
	       core_bytes(c, at + h->e.e_phoff, h->p, h->e.e_phnum * sizeof(Elf64_Phdr));
}

static bool headers_of_file(const struct gd__module *m, struct headers *h)
{
	if (m->image_size < sizeof(h->e))
		return false;
	memcpy(&h->e, m->image, sizeof(h->e));
	if (!good_header(&h->e))
		return false;

	size_t n = h->e.e_phnum * sizeof(Elf64_Phdr);

	if (h->e.e_phoff > m->image_size || n > m->image_size - h->e.e_phoff)
		return false;
	memcpy(h->p, m->image + h->e.e_phoff, n);
	return true;
}

/* Where the file's address 0 went: the first loaded segment against the first mapping. */
static uint64_t base_of(const struct gd__module *m, const struct headers *h)
{
	for (unsigned i = 0; i < h->e.e_phnum; i++)
		if (h->p[i].p_type == PT_LOAD)
			return m->lo - (h->p[i].p_vaddr & ~0xfffull);
	return m->lo;
}

/*
 * One note with descriptor at addr. The gdetect note holds the distance of
 * the anchor from its own descriptor.
 */
static void take_note(struct gd__module *m, const Elf64_Nhdr *h, const char *name,
		      const unsigned char *desc, uint64_t addr)
{
	if (h->n_namesz == 4 && memcmp(name, "GNU", 4) == 0 && h->n_type == NT_GNU_BUILD_ID &&
	    h->n_descsz <= GD__BUILD_ID_MAX) {
		memcpy(m->build_id, desc, h->n_descsz);
		m->build_id_len = h->n_descsz;
	}
	if (h->n_namesz == 8 && memcmp(name, "gdetect", 8) == 0 && h->n_type == GD__NOTE_TYPE &&
	    h->n_descsz == sizeof(int64_t)) {
		int64_t distance;

		memcpy(&distance, desc, sizeof(distance));
		m->anchor = addr + (uint64_t)distance;
	}
}

/* Notes of one segment: n bytes at p, which are at addr in memory. align is 4 or 8. */
static void take_notes(struct gd__module *m, const unsigned char *p, size_t n, uint64_t addr,
		       uint64_t align)
{
	uint64_t mask = align == 8 ? 7 : 3;
	uint64_t at = 0;

	while (at + sizeof(Elf64_Nhdr) <= n) {
		Elf64_Nhdr h;

		memcpy(&h, p + at, sizeof(h));
		uint64_t desc = (at + sizeof(h) + h.n_namesz + mask) & ~mask;

		if (desc > n || h.n_descsz > n - desc)
			return;
		take_note(m, &h, (const char *)p + at + sizeof(h), p + desc, addr + desc);
		at = (desc + h.n_descsz + mask) & ~mask;
	}
}

/* Notes as the core has them, else (if file is given) as the file has them. */
static void read_notes(struct gd__module *m, const struct gd__corefile *c, const struct headers *h,
		       bool file)
{
	for (unsigned i = 0; i < h->e.e_phnum; i++) {
		const Elf64_Phdr *p = &h->p[i];
		uint64_t addr = m->base + p->p_vaddr;
		size_t n = p->p_filesz < NOTES_MAX ? p->p_filesz : NOTES_MAX, got;

		if (p->p_type != PT_NOTE)
			continue;
		const unsigned char *bytes = NULL;

		if (!file)
			bytes = gd__corefile_view(c, addr, n, &got);
		else if (p->p_offset <= m->image_size && n <= m->image_size - p->p_offset)
			bytes = m->image + p->p_offset, got = n;
		if (bytes)
			take_notes(m, bytes, got, addr, p->p_align);
	}
}

static void read_segments(struct gd__module *m, const struct headers *h)
{
	for (unsigned i = 0; i < h->e.e_phnum; i++) {
		const Elf64_Phdr *p = &h->p[i];
		uint64_t lo = m->base + p->p_vaddr, hi;

		if (p->p_type == PT_TLS) {
			m->tls_size = p->p_memsz;
			m->tls_align = p->p_align;
		}
		if (p->p_type != PT_LOAD || __builtin_add_overflow(lo, p->p_memsz, &hi))
			continue;
		if (hi > m->hi)
			m->hi = hi; /* .bss is not a mapping of the file */
		if ((p->p_flags & PF_W) && m->ndata < GD__DATA_MAX) {
			m->data[m->ndata].lo = lo;
			m->data[m->ndata++].hi = hi;
		}
	}
}

/* Compares what core and file say of themselves. h is the core's. */
static enum gd__module_file compare(struct gd__module *m, const struct headers *core)
{
	static struct headers disk;
	struct gd__module on_disk = { .image = m->image, .image_size = m->image_size };

	if (!headers_of_file(m, &disk))
		return GD__MODULE_OTHER;
	read_notes(&on_disk, NULL, &disk, true);
	if (m->build_id_len && on_disk.build_id_len)
		return m->build_id_len == on_disk.build_id_len &&
				       memcmp(m->build_id, on_disk.build_id, m->build_id_len) == 0
			       ? GD__MODULE_SAME
			       : GD__MODULE_OTHER;
	if (disk.e.e_phnum != core->e.e_phnum || disk.e.e_entry != core->e.e_entry ||
	    memcmp(disk.p, core->p, disk.e.e_phnum * sizeof(disk.p[0])) != 0)
		return GD__MODULE_OTHER;
	return GD__MODULE_UNSURE;
}

/*
 * The loader maps code and data of a module apart. A file that was mapped as a whole (a debugger's
 * library reads binaries so) has an ELF header too, but nothing of it runs there.
 */
static bool loaded(const struct gd__module *m, const struct headers *h)
{
	for (unsigned i = 0; i < h->e.e_phnum; i++)
		if (h->p[i].p_type == PT_LOAD && (h->p[i].p_flags & PF_W) &&
		    m->base + h->p[i].p_vaddr < m->first_hi)
			return false;
	return true;
}

static void inspect_module(struct gd__module *m, const struct gd__corefile *c)
{
	static struct headers h;
	bool in_core = headers_of_core(c, m->lo, &h);
	bool on_disk = map_disk(m);

	m->base = m->lo;
	if (in_core) {
		m->base = base_of(m, &h);
		read_notes(m, c, &h, false);
		if (on_disk)
			m->file = compare(m, &h);
	} else if (on_disk && headers_of_file(m, &h)) {
		m->base = base_of(m, &h);
		read_notes(m, c, &h, true);
		m->file = GD__MODULE_UNSURE;
	} else {
		unmap_disk(m); /* a data file */
		return;
	}
	if (!loaded(m, &h)) {
		unmap_disk(m);
		m->anchor = 0;
		return;
	}
	m->elf = true;
	read_segments(m, &h);
	m->main = c->entry && m->base + h.e.e_entry == c->entry;
	if (m->file == GD__MODULE_OTHER)
		unmap_disk(m);
	else if (on_disk && !m->anchor)
		read_notes(m, c, &h, true); /* notes outside of the first page */
}

/* --exe paths: by file name first, then the first left over for the executable. */
static void replace_paths(struct gd__modules *m, const char *const *exe, size_t nexe)
{
	for (size_t k = 0; k < nexe; k++) {
		bool used = false;

		for (size_t i = 0; i < m->n && !used; i++) {
			if (strcmp(base_name(m->module[i].path), base_name(exe[k])) != 0)
				continue;
			m->module[i].disk = exe[k];
			used = true;
		}
		for (size_t i = 0; i < m->n && !used; i++) {
			struct gd__module *one = &m->module[i];
			uint64_t entry = m->core->entry;

			if (entry < one->lo || entry >= one->hi)
				continue;
			one->disk = exe[k];
			used = true;
		}
	}
}

/* Neighbouring mappings of one path are one module. */
static void collect(struct gd__modules *m)
{
	const struct gd__corefile *c = m->core;
	struct gd__module *cur = NULL;

	for (size_t i = 0; i < c->nfiles; i++) {
		const struct gd__filemap *f = &c->files[i];

		if (cur && strcmp(cur->path, f->path) == 0 && f->offset != 0) {
			if (f->hi > cur->hi)
				cur->hi = f->hi;
			continue;
		}
		cur = NULL;
		if (f->offset != 0)
			continue;
		cur = &m->module[m->n++];
		*cur = (struct gd__module){ .path = f->path,
					    .disk = f->path,
					    .lo = f->lo,
					    .first_hi = f->hi,
					    .hi = f->hi };
	}
}

bool gd__modules_open(struct gd__modules *m, const struct gd__corefile *core,
		      const char *const *exe, size_t nexe)
{
	*m = (struct gd__modules){ .core = core };
	m->module = calloc(core->nfiles ? core->nfiles : 1, sizeof(*m->module));
	if (!m->module)
		return false;
	collect(m);
	replace_paths(m, exe, nexe);
	for (size_t i = 0; i < m->n; i++)
		inspect_module(&m->module[i], core);
	return true;
}

void gd__modules_close(struct gd__modules *m)
{
	for (size_t i = 0; i < m->n; i++)
		unmap_disk(&m->module[i]);
	free(m->module);
	*m = (struct gd__modules){ 0 };
}

const struct gd__module *gd__modules_find(const struct gd__modules *m, uint64_t addr)
{
	size_t lo = 0, hi = m->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (m->module[mid].hi <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == m->n || addr < m->module[lo].lo || addr >= m->module[lo].hi)
		return NULL;
	return &m->module[lo];
}

/* Bytes that the core leaves out because the file has them: read-only mappings only. */
static const void *file_view(const struct gd__modules *m, uint64_t addr, size_t n, size_t *got)
{
	const struct gd__filemap *f = gd__corefile_filemap(m->core, addr);
	const struct gd__segment *s = gd__corefile_segment(m->core, addr);
	const struct gd__module *mod = f ? gd__modules_find(m, addr) : NULL;

	if (!mod || !mod->image || (s && s->writable))
		return NULL;

	uint64_t at = f->offset + (addr - f->lo), left = f->hi - addr;

	if (at < f->offset || at >= mod->image_size)
		return NULL;
	if (left > mod->image_size - at)
		left = mod->image_size - at;
	*got = n < left ? n : (size_t)left;
	return mod->image + at;
}

/*
 * The kernel leaves out memory that was never touched: .bss pages that are still all zeros. Only
 * within the data of a module: elsewhere a segment without bytes may be MADV_DONTDUMP.
 */
static const void *zero_view(const struct gd__modules *m, uint64_t addr, size_t n, size_t *got)
{
	static const unsigned char zeros[4096];
	const struct gd__segment *s = gd__corefile_segment(m->core, addr);

	if (!s || !s->writable || s->bytes > 0 || m->core->lost > 0)
		return NULL;
	for (size_t i = 0; i < m->n; i++)
		for (size_t k = 0; k < m->module[i].ndata; k++) {
			uint64_t lo = m->module[i].data[k].lo, hi = m->module[i].data[k].hi;
			uint64_t left = hi - addr;

			if (addr < lo || addr >= hi)
				continue;
			left = left < s->hi - addr ? left : s->hi - addr;
			left = left < sizeof(zeros) ? left : sizeof(zeros);
			*got = n < left ? n : (size_t)left;
			return zeros;
		}
	return NULL;
}

const void *gd__modules_view(const struct gd__modules *m, uint64_t addr, size_t n, size_t *got)
{
	const void *p = gd__corefile_view(m->core, addr, n, got);

	if (!p)
		p = file_view(m, addr, n, got);
	return p ? p : zero_view(m, addr, n, got);
}

bool gd__modules_read(const struct gd__modules *m, uint64_t addr, void *buf, size_t n)
{
	char *to = buf;

	while (n > 0) {
		size_t got;
		const void *p = gd__modules_view(m, addr, n, &got);

		if (!p || got == 0)
			return false;
		memcpy(to, p, got);
		to += got;
		addr += got;
		n -= got;
	}
	return true;
}
