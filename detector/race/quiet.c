/* quiet.c - see quiet.h. */
#include "detector/race/quiet.h"

#include <jemalloc/jemalloc.h>
#include <link.h>
#include <stddef.h>

uintptr_t gd__quiet_start;
uintptr_t gd__quiet_size;

/* The library that holds the address *arg: its executable segment. */
static int find_code(struct dl_phdr_info *info, size_t size, void *arg)
{
	uintptr_t wanted = *(const uintptr_t *)arg;

	if (info->dlpi_name[0] == '\0') /* the program itself */
		return 0;
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *h = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + h->p_vaddr;

		if (h->p_type != PT_LOAD || !(h->p_flags & PF_X) || wanted - start >= h->p_memsz)
			continue;
		gd__quiet_start = start;
		gd__quiet_size = h->p_memsz;
		return 1;
	}
	return 0;
}

void gd__quiet_init(void)
{
	uintptr_t inside = (uintptr_t)mallocx;

	dl_iterate_phdr(find_code, &inside);
}
