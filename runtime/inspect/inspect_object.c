/*
 * inspect_object.c - decoders of primitives: what a goroutine waits for, and who holds it.
 */
#include <string.h>

#include "runtime/base/atomic.h"
#include "runtime/inspect/inspect.h"
#include "runtime/sync/chan.h"
#include "runtime/sync/sync.h"

/* An element count beyond this is not a channel but noise. */
#define MAX_CAP (UINT64_C(1) << 40)

static bool decode_chan(const struct gd__mem *mem, uint64_t addr, struct gd__oinfo *o)
{
	struct gd_chan c;

	if (!mem->read(mem, addr, &c, sizeof(c)))
		return false;
	o->valid = c.magic == GD__CHAN_LIVE && c.cap < MAX_CAP && c.stride < MAX_CAP;
	if (!o->valid)
		return true;
	o->size = sizeof(c) + c.cap * c.stride;
	o->cap = c.cap;
	o->elem_size = c.elem_size;
	/* relaxed: of a private copy */
	o->len = gd__load_relaxed(&c.len);
	o->refs = gd__load_relaxed(&c.refs);
	o->closed = gd__load_relaxed(&c.closed) != 0;
	o->make_pc = c.make_pc;
	gd__inspect_text(mem, (uintptr_t)c.site, o->site, sizeof(o->site));
	o->last_recv_id = c.last_recv_id;
	o->last_recv_pc = c.last_recv_pc;
	o->last_send_id = c.last_send_id;
	o->last_send_pc = c.last_send_pc;
	o->left_pc = c.left_pc;
	o->timer = c.timed;
	o->context = c.context;
	return true;
}

static bool decode_mutex(const struct gd__mem *mem, uint64_t addr, struct gd__oinfo *o)
{
	gd_mutex m;

	if (!mem->read(mem, addr, &m, sizeof(m)))
		return false;
	o->size = sizeof(m);
	o->valid = m.state_ <= GD__MUTEX_ALL;
	o->shared_owner = (m.state_ & GD__MUTEX_SHARED) != 0;
	if (m.state_ & GD__MUTEX_LOCKED) {
		o->owner_id = m.owner_;
		o->owner_pc = (uintptr_t)m.owner_pc_ & ~GD__LOCKED_BEFORE;
		o->locked_before = ((uintptr_t)m.owner_pc_ & GD__LOCKED_BEFORE) != 0;
	}
	return true;
}

static bool decode_rwmutex(const struct gd__mem *mem, uint64_t addr, struct gd__oinfo *o)
{
	gd_rwmutex m;
	uint32_t word;

	if (!mem->read(mem, addr, &m, sizeof(m)))
		return false;
	word = (uint32_t)m.readers_;
	o->size = sizeof(m);
	o->readers = (int32_t)(word & GD__RW_READERS);
	o->valid = !((word & GD__RW_WRITER) && o->readers > 0) && m.shared_ <= 1;
	o->shared_owner = m.shared_ != 0;
	o->locked_before = o->readers > 0 && m.writer_pc_ != NULL;
	if (word & GD__RW_WRITER) {
		o->owner_id = m.writer_;
		o->owner_pc = (uintptr_t)m.writer_pc_ & ~GD__LOCKED_BEFORE;
		o->locked_before = ((uintptr_t)m.writer_pc_ & GD__LOCKED_BEFORE) != 0;
	}
	return true;
}

static bool decode_waitgroup(const struct gd__mem *mem, uint64_t addr, struct gd__oinfo *o)
{
	gd_waitgroup w;

	if (!mem->read(mem, addr, &w, sizeof(w)))
		return false;
	o->size = sizeof(w);
	o->count = w.count_;
	o->valid = w.count_ >= 0;
	o->last_add_id = w.add_id_;
	o->last_add_pc = (uintptr_t)w.add_pc_;
	o->last_done_id = w.done_id_;
	o->last_done_pc = (uintptr_t)w.done_pc_;
	return true;
}

static bool decode_cond(const struct gd__mem *mem, uint64_t addr, struct gd__oinfo *o)
{
	gd_cond c;

	if (!mem->read(mem, addr, &c, sizeof(c)))
		return false;
	o->size = sizeof(c);
	o->valid = true;
	o->last_signal_id = c.signal_id_;
	o->last_signal_pc = (uintptr_t)c.signal_pc_ & ~GD__SIGNAL_IN_VAIN;
	o->signal_in_vain = ((uintptr_t)c.signal_pc_ & GD__SIGNAL_IN_VAIN) != 0;
	return true;
}

bool gd__inspect_object(const struct gd__runtime *rt, uint64_t addr, uint16_t kind,
			struct gd__oinfo *o)
{
	memset(o, 0, sizeof(*o));
	o->addr = addr;
	o->kind = kind;
	if (addr == 0)
		return false;
	switch ((enum gd__obj_kind)kind) {
	case GD__OBJ_CHAN:
		return decode_chan(rt->mem, addr, o);
	case GD__OBJ_MUTEX:
		return decode_mutex(rt->mem, addr, o);
	case GD__OBJ_RWMUTEX:
		return decode_rwmutex(rt->mem, addr, o);
	case GD__OBJ_WAITGROUP:
		return decode_waitgroup(rt->mem, addr, o);
	case GD__OBJ_COND:
		return decode_cond(rt->mem, addr, o);
	case GD__OBJ_NONE:
		break;
	}
	return false;
}
