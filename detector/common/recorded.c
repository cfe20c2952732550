/* recorded.c - see recorded.h. The table is in .bss: a page is touched per dozen findings. */
#include "detector/common/recorded.h"

#include <stdatomic.h>

#include "runtime/base/atomic.h"
#include "runtime/inspect/anchor.h"

#define MAGIC   0x3173646365526447ull /* "GdRecds1" */
#define VERSION 1

/* count rises after its record is complete. */
struct table {
	uint64_t magic;
	uint32_t version;
	uint32_t record_size;
	_Atomic uint32_t count;
	uint32_t unused;
	_Atomic uint64_t total;
	struct gd__recorded record[GD__RECORDED_MAX];
};

static struct table table = { .magic = MAGIC,
			      .version = VERSION,
			      .record_size = sizeof(struct gd__recorded) };

int gd__recorded_add(const struct gd__recorded *r)
{
	uint32_t n = gd__load_relaxed(&table.count); /* the caller is alone */

	gd__anchor.reports_root = (uint64_t)(uintptr_t)&table;
	gd__add_relaxed(&table.total, 1);
	if (n == GD__RECORDED_MAX)
		return -1;
	table.record[n] = *r;
	gd__store_release(&table.count, n + 1); /* pairs with the read of count in recorded_open */
	return (int)n;
}

void gd__recorded_again(int place)
{
	if (place >= 0)
		table.record[place].count++;
}

bool gd__recorded_open(struct gd__recorded_table *t, const struct gd__mem *mem, uint64_t root)
{
	struct {
		uint64_t magic;
		uint32_t version, record_size, count, unused;
		uint64_t total;
	} head;
	_Static_assert(sizeof(head) == offsetof(struct table, record), "the head as it lies there");

	if (root == 0 || !mem->read(mem, root, &head, sizeof(head)))
		return false;
	if (head.magic != MAGIC || head.version != VERSION ||
	    head.record_size != sizeof(struct gd__recorded) || head.count > GD__RECORDED_MAX)
		return false;
	t->mem = mem;
	t->records = root + sizeof(head);
	t->count = head.count;
	t->total = head.total;
	return true;
}

static bool access_is_sound(const struct gd__recorded_access *a)
{
	return a->npcs <= GD__RECORDED_FRAMES;
}

bool gd__recorded_get(const struct gd__recorded_table *t, uint32_t i, struct gd__recorded *r)
{
	if (i >= t->count || !t->mem->read(t->mem, t->records + i * sizeof(*r), r, sizeof(*r)))
		return false;
	r->fingerprint[sizeof(r->fingerprint) - 1] = '\0';
	r->object[sizeof(r->object) - 1] = '\0';
	return access_is_sound(&r->now) && access_is_sound(&r->before);
}
