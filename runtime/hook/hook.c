/* hook.c - the installed tables. */
#include "runtime/hook/hook.h"

const struct gd__hooks *gd__hooks;
const struct gd__watch *gd__watch;
_Thread_local int gd__thread_internal __attribute__((tls_model("initial-exec")));

_Thread_local _Atomic uint32_t gd__preempt_wanted __attribute__((tls_model("initial-exec")));

void gd__hooks_install(const struct gd__hooks *t)
{
	gd__hooks = t;
}

void gd__watch_install(const struct gd__watch *w)
{
	gd__watch = w;
}

void gd__hooks_remove(void)
{
	gd__hooks = NULL;
}
