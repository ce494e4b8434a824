#ifndef WHERRY_DRIVER_READER_H
#define WHERRY_DRIVER_READER_H

#include <stdbool.h>

/* Reads a collection as any application would, with MongoDB's own driver and its own reading of BSON, so that what a test
 * sees went through no code of Wherry: calls `each` with every document in the order of _id, as canonical extended JSON.
 * False with a message (at most 503 bytes) when that failed. */
bool driver_read(const char *uri, const char *database, const char *collection,
                 void (*each)(const char *json, void *context), void *context, char message[504]);

#endif
