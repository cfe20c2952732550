/* symbolize.h - between symbolize.c and the rest of this folder; the contract is traceback.h. */
#ifndef GD_RUNTIME_INSPECT_SYMBOLIZE_H
#define GD_RUNTIME_INSPECT_SYMBOLIZE_H

/* Loads libdw; its name if that failed, else NULL. */
const char *gd__symbolize_prepare(void);

#endif
