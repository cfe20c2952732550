/*
 * cxx.h - C++ exceptions in goroutines.
 *
 * The C++ runtime keeps two words per thread: the exceptions being handled (what `throw;` throws
 * again and std::current_exception gives), and the number of those on their way. A goroutine that
 * parks inside a catch block or a destructor takes them along, so they are exchanged at each
 * switch. Where no C++ runtime is linked, m->eh is NULL and a switch costs one branch.
 */
#ifndef GD_RUNTIME_SCHED_CXX_H
#define GD_RUNTIME_SCHED_CXX_H

#include "runtime/sched/g.h"
#include "runtime/sched/m.h"

/* The words of the calling thread; NULL without a C++ runtime. */
struct gd__eh *gd__cxx_thread_init(void);
/* At gd_run: an exception that nobody catches is reported with the goroutine it was thrown in. */
void gd__cxx_init(void);

/* g leaves the thread of m, and comes to it. */
static inline void gd__cxx_save(const struct gd__m *m, struct gd__g *g)
{
	if (gd__unlikely(m->eh != NULL))
		g->eh = *m->eh;
}

static inline void gd__cxx_restore(const struct gd__m *m, const struct gd__g *g)
{
	if (gd__unlikely(m->eh != NULL))
		*m->eh = g->eh;
}

#endif
