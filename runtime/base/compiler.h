/* compiler.h - attributes, branch hints, assertions that cost nothing, lock annotations. */
#ifndef GD_RUNTIME_BASE_COMPILER_H
#define GD_RUNTIME_BASE_COMPILER_H

#define GD__NORETURN      __attribute__((noreturn))
#define GD__NOINLINE      __attribute__((noinline))
#define GD__ALWAYS_INLINE inline __attribute__((always_inline))
#define GD__UNUSED        __attribute__((unused))
#define GD__HIDDEN        __attribute__((visibility("hidden")))
#define GD__PRINTF(f, a)  __attribute__((format(printf, f, a)))
/* Initial-exec: a thread-local is one %fs access, also in a shared library. */
#define GD__TLS _Thread_local __attribute__((tls_model("initial-exec")))

#define gd__likely(x)   __builtin_expect(!!(x), 1)
#define gd__unlikely(x) __builtin_expect(!!(x), 0)

#define gd__container_of(p, type, member) ((type *)(void *)((char *)(p)-offsetof(type, member)))
#define gd__countof(a)                    (sizeof(a) / sizeof((a)[0]))

/* Clang's thread-safety analysis; gcc sees nothing. */
#if defined(__clang__)
#	define GD_CAPABILITY(name) __attribute__((capability(name)))
#	define GD_REQUIRES(...)    __attribute__((requires_capability(__VA_ARGS__)))
#	define GD_ACQUIRE(...)     __attribute__((acquire_capability(__VA_ARGS__)))
#	define GD_RELEASE(...)     __attribute__((release_capability(__VA_ARGS__)))
#	define GD_UNCHECKED        __attribute__((no_thread_safety_analysis))
#else
#	define GD_CAPABILITY(name)
#	define GD_REQUIRES(...)
#	define GD_ACQUIRE(...)
#	define GD_RELEASE(...)
#	define GD_UNCHECKED
#endif

#endif
