/* resolve.h - addresses from text. */
#ifndef GD_RUNTIME_NET_RESOLVE_H
#define GD_RUNTIME_NET_RESOLVE_H

#include <stdbool.h>
#include <stdint.h>

struct gd_addr;

/*
 * As gd_resolve_until; passive: an empty host is all of this machine's addresses (the IPv6 one
 * first), else the machine itself; type: SOCK_STREAM or SOCK_DGRAM.
 */
int gd__resolve(const char *address, int type, bool passive, struct gd_addr *out, int max,
		int64_t until);

#endif
