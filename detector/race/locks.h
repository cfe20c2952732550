/*
 * locks.h - edges and held-lock lists of locks that others implement (pthreads, C11, annotations).
 */
#ifndef GD_DETECTOR_RACE_LOCKS_H
#define GD_DETECTOR_RACE_LOCKS_H

#include <stdbool.h>
#include <stdint.h>

/* The calling goroutine has taken lock at pc. */
void gd__locked(const void *lock, uintptr_t pc);
/* It is about to give lock up. */
void gd__unlocking(const void *lock, uintptr_t pc);
/* A read-write lock. write: exclusively. Giving it up does not say which. */
void gd__locked_rw(const void *lock, bool write, uintptr_t pc);
void gd__unlocking_rw(const void *lock, uintptr_t pc);
/* The object ends: what it carries is forgotten. */
void gd__lock_gone(const void *lock);

/* Objects that are not locks: semaphores, barriers, once. */
void gd__edge_from(const void *obj); /* acquire */
void gd__edge_to(const void *obj);   /* release, beside what others released */
void gd__edge_gone(const void *obj);

#endif
