/*
 * context.h - cancellation and deadlines that flow from caller to callee.
 *
 * A context is reference-counted; make gives one reference and the child
 * holds one of its parent. Cancelling a context cancels its children.
 * All functions are callable from any thread. Deadlines go on in the child of a fork.
 */
#ifndef GDETECT_CONTEXT_H
#define GDETECT_CONTEXT_H

#include <stdint.h>

#include <gdetect/chan.h>
#include <gdetect/time.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct gd_context gd_context;

/* The root: never cancelled, no deadline. Static; ref and unref do nothing. */
gd_context *gd_context_background(void);
#define gd_context_with_cancel(parent)      gd_context_make_raw((parent), INT64_MAX, GD__SITE)
#define gd_context_with_deadline(parent, t) gd_context_make_raw((parent), (t), GD__SITE)
#define gd_context_with_timeout(parent, ns) gd_context_make_raw((parent), gd_now() + (ns), GD__SITE)
/* deadline: a gd_now() value, INT64_MAX for none. parent must not be NULL. */
gd_context *gd_context_make_raw(gd_context *parent, int64_t deadline, const char *site);
gd_context *gd_context_with_value(gd_context *parent, const void *key, void *value);

/* Closes done of ctx and of all its children. Later calls do nothing. Never parks. */
void gd_context_cancel(gd_context *ctx);
/* Closed at cancellation; nil (never ready) for background. Owned by the context. */
gd_signal_chan gd_context_done(gd_context *ctx);
/* GD_OK, GD_ECANCELED or GD_ETIMEDOUT. */
int gd_context_err(gd_context *ctx);
/* INT64_MAX if there is none. */
int64_t gd_context_deadline(gd_context *ctx);
/* The value of the nearest ancestor with this key (compared by address), or NULL. */
void *gd_context_value(gd_context *ctx, const void *key);

gd_context *gd_context_ref(gd_context *ctx);
/* The last unref also cancels, so that nobody waits for a context that is gone. */
void gd_context_unref(gd_context *ctx);

#ifdef __cplusplus
}
#endif
#endif
