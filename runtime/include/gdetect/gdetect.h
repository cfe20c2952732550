/* gdetect.h - everything a program of goroutines needs. */
#ifndef GDETECT_GDETECT_H
#define GDETECT_GDETECT_H

#include <gdetect/chan.h>
#include <gdetect/context.h>
#include <gdetect/debug.h>
#include <gdetect/error.h>
#include <gdetect/go.h>
#include <gdetect/io.h>
#include <gdetect/select.h>
#include <gdetect/sync.h>
#include <gdetect/time.h>

#endif
