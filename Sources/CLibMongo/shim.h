#ifndef WHERRY_CLIBMONGO_SHIM_H
#define WHERRY_CLIBMONGO_SHIM_H

#include <mongoc/mongoc.h>

#endif
