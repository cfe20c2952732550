/*
 * exit.h - the exit code of a program in which something was found.
 *
 * Each detector registers a function that is called once when the process
 * ends by exit() or by returning from main. The code of the highest priority
 * that is not 0 becomes the exit code; if all are 0, the program's own stays.
 */
#ifndef GD_DETECTOR_COMMON_EXIT_H
#define GD_DETECTOR_COMMON_EXIT_H

/* Higher wins. */
enum gd__exit_priority { GD__EXIT_LEAK, GD__EXIT_RACE, GD__EXIT_DETECTORS };

/* finish prints its closing words and returns the exit code it asks for, or 0. At start-up. */
void gd__exit_register(enum gd__exit_priority priority, int (*finish)(void));

#endif
