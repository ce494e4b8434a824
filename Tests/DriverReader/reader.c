#include "DriverReader.h"

#include <mongoc/mongoc.h>

bool driver_read(const char *uri, const char *database, const char *collection,
                 void (*each)(const char *json, void *context), void *context, char message[504]) {
    mongoc_init();
    mongoc_client_t *client = mongoc_client_new(uri);
    if (!client) {
        bson_strncpy(message, "the URI is malformed", 504);
        return false;
    }
    mongoc_collection_t *documents = mongoc_client_get_collection(client, database, collection);
    bson_t *filter = bson_new();
    bson_t *options = BCON_NEW("sort", "{", "_id", BCON_INT32(1), "}");
    mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(documents, filter, options, NULL);
    const bson_t *document;
    bool done = true;
    while (done && mongoc_cursor_next(cursor, &document)) {
        char *json = bson_as_canonical_extended_json(document, NULL);
        done = json != NULL;
        if (json) each(json, context);
        bson_free(json);
    }
    bson_error_t error;
    if (!done) {
        bson_strncpy(message, "a document is no BSON", 504);
    } else if (mongoc_cursor_error(cursor, &error)) {
        bson_strncpy(message, error.message, 504);
        done = false;
    }
    mongoc_cursor_destroy(cursor);
    bson_destroy(options);
    bson_destroy(filter);
    mongoc_collection_destroy(documents);
    mongoc_client_destroy(client);
    return done;
}
