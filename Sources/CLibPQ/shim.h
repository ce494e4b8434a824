#ifndef WHERRY_CLIBPQ_SHIM_H
#define WHERRY_CLIBPQ_SHIM_H

#include <libpq-fe.h>

#endif
