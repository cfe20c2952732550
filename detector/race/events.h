/*
 * events.h - what the race detector does when the user's heap and threads change.
 */
#ifndef GD_DETECTOR_RACE_EVENTS_H
#define GD_DETECTOR_RACE_EVENTS_H

#include <stdint.h>

/* Listens to malloc, free and to threads from pthread_create. At start-up. */
void gd__race_events_install(void);

/* After a successful join or, for detach, instead of one. token: of gd__thread_token. */
void gd__race_thread_joined(void *token);
void gd__race_thread_detached(void *token);

#endif
