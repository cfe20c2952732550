/* objkind.h - kinds of primitives that goroutines wait for. The values go into dumps. */
#ifndef GD_RUNTIME_BASE_OBJKIND_H
#define GD_RUNTIME_BASE_OBJKIND_H

enum gd__obj_kind {
	GD__OBJ_NONE,
	GD__OBJ_CHAN,
	GD__OBJ_MUTEX,
	GD__OBJ_RWMUTEX,
	GD__OBJ_WAITGROUP,
	GD__OBJ_COND
};

enum gd__wait_op { GD__OP_RECV, GD__OP_SEND, GD__OP_LOCK, GD__OP_RLOCK, GD__OP_WAIT };

#endif
