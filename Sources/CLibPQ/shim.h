#ifndef WHERRY_CLIBPQ_SHIM_H
#define WHERRY_CLIBPQ_SHIM_H

#include <libpq-fe.h>
#include <sys/eventfd.h>

// Swift's Glibc module does not show <sys/eventfd.h>. Returns -1 when there are no descriptors left.
static inline int wherry_eventfd(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }

#endif
