/*
 * options.h - run-time options, from the environment, read once before main().
 */
#ifndef GD_RUNTIME_BASE_OPTIONS_H
#define GD_RUNTIME_BASE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#define GD__OPTION_TEXT 256

typedef char gd__option_text[GD__OPTION_TEXT];
typedef int gd__option_int;
typedef bool gd__option_bool;

struct gd__options {
#define OPT(type, name, value, help) gd__option_##type name;
#include "runtime/base/options.inc"
#undef OPT
};

/* Defaults until gd__options_init has run; constant afterwards. */
extern struct gd__options gd__options;

/* Reads GDETECT_OPTIONS; later calls do nothing. An unknown key or bad value is a warning. */
void gd__options_init(void);

/* Parses text into o. Writes the first problem to problem (cut at n); true if there was none. */
bool gd__options_parse(struct gd__options *o, const char *text, char *problem, size_t n);

#endif
