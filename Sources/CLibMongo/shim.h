#ifndef WHERRY_CLIBMONGO_SHIM_H
#define WHERRY_CLIBMONGO_SHIM_H

/* Debian's bson_t is 128-byte aligned, which Swift can't represent: it sees an opaque pointer. So every function that
 * takes a document takes bytes here, and lays a bson_t over them on the C stack (bson_init_static, no copy).
 * Replies are copied into memory of their own, to be freed with free(). */

#include <mongoc/mongoc.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    uint8_t *bytes;
    uint32_t count;
} wherry_reply_t;

/* Copies a reply out and destroys it. */
static inline void wherry_take_reply(bson_t *reply, wherry_reply_t *out) {
    out->count = reply->len;
    out->bytes = (uint8_t *) malloc(reply->len);
    memcpy(out->bytes, bson_get_data(reply), reply->len);
    bson_destroy(reply);
}

/* Any command, on the primary, in a session or (session NULL) without. The caller writes writeConcern into the command. */
static inline bool wherry_command(mongoc_client_t *client, const char *database, const uint8_t *command, size_t count,
                                  mongoc_client_session_t *session, wherry_reply_t *out, bson_error_t *error) {
    bson_t document, reply, options = BSON_INITIALIZER;
    bool done = false;
    if (!bson_init_static(&document, command, count)) {
        bson_init(&reply);
        bson_set_error(error, MONGOC_ERROR_BSON, MONGOC_ERROR_BSON_INVALID, "malformed command");
    } else if (session && !mongoc_client_session_append(session, &options, error)) {
        bson_init(&reply);
    } else {
        done = mongoc_client_command_with_opts(client, database, &document, NULL, &options, &reply, error);
    }
    bson_destroy(&options);
    wherry_take_reply(&reply, out);
    return done;
}

/* A session without causal consistency: it exists for its transactions only. */
static inline mongoc_client_session_t *wherry_session_new(mongoc_client_t *client, bson_error_t *error) {
    mongoc_session_opt_t *options = mongoc_session_opts_new();
    mongoc_session_opts_set_causal_consistency(options, false);
    mongoc_client_session_t *session = mongoc_client_start_session(client, options, error);
    mongoc_session_opts_destroy(options);
    return session;
}

/* The 16 bytes of lsid.id; false when the session has none. */
static inline bool wherry_session_id(const mongoc_client_session_t *session, uint8_t id[16]) {
    bson_iter_t iter;
    bson_subtype_t subtype;
    uint32_t count;
    const uint8_t *bytes;
    if (!bson_iter_init_find(&iter, mongoc_client_session_get_lsid(session), "id") || !BSON_ITER_HOLDS_BINARY(&iter))
        return false;
    bson_iter_binary(&iter, &subtype, &count, &bytes);
    if (count != 16) return false;
    memcpy(id, bytes, 16);
    return true;
}

static inline bool wherry_transaction_start(mongoc_client_session_t *session, bson_error_t *error) {
    mongoc_transaction_opt_t *options = mongoc_transaction_opts_new();
    mongoc_write_concern_t *majority = mongoc_write_concern_new();
    mongoc_write_concern_set_w(majority, MONGOC_WRITE_CONCERN_W_MAJORITY);
    mongoc_transaction_opts_set_write_concern(options, majority);
    bool done = mongoc_client_session_start_transaction(session, options, error);
    mongoc_write_concern_destroy(majority);
    mongoc_transaction_opts_destroy(options);
    return done;
}

static inline bool wherry_transaction_commit(mongoc_client_session_t *session, wherry_reply_t *out,
                                             bson_error_t *error) {
    bson_t reply;
    bool done = mongoc_client_session_commit_transaction(session, &reply, error);
    wherry_take_reply(&reply, out);
    return done;
}

/* A bulk on one collection, and the options its operations share: our documents are made by our own writer, so the
 * library need not validate them again (nor refuse names that start with $). */
typedef struct {
    mongoc_collection_t *collection;
    mongoc_bulk_operation_t *bulk;
    bson_t plain;
    bson_t upsert;
} wherry_bulk_t;

static inline wherry_bulk_t *wherry_bulk_new(mongoc_client_t *client, const char *database, const char *collection,
                                             mongoc_client_session_t *session, bool ordered, bson_error_t *error) {
    bson_t options = BSON_INITIALIZER;
    bson_append_bool(&options, "ordered", -1, ordered);
    if (session && !mongoc_client_session_append(session, &options, error)) {
        bson_destroy(&options);
        return NULL;
    }
    wherry_bulk_t *self = (wherry_bulk_t *) aligned_alloc(128, (sizeof(wherry_bulk_t) + 127) / 128 * 128);
    self->collection = mongoc_client_get_collection(client, database, collection);
    self->bulk = mongoc_collection_create_bulk_operation_with_opts(self->collection, &options);
    bson_init(&self->plain);
    bson_append_bool(&self->plain, "validate", -1, false);
    bson_init(&self->upsert);
    bson_append_bool(&self->upsert, "validate", -1, false);
    bson_append_bool(&self->upsert, "upsert", -1, true);
    bson_destroy(&options);
    return self;
}

static inline void wherry_bulk_destroy(wherry_bulk_t *self) {
    mongoc_bulk_operation_destroy(self->bulk);
    mongoc_collection_destroy(self->collection);
    bson_destroy(&self->plain);
    bson_destroy(&self->upsert);
    free(self);
}

static inline bool wherry_bulk_insert(wherry_bulk_t *self, const void *bytes, size_t count, bson_error_t *error) {
    bson_t document;
    return bson_init_static(&document, (const uint8_t *) bytes, count) &&
           mongoc_bulk_operation_insert_with_opts(self->bulk, &document, &self->plain, error);
}

/* Replaces the document that the selector names, or inserts it. */
static inline bool wherry_bulk_replace(wherry_bulk_t *self, const void *selector, size_t selector_count,
                                       const void *bytes, size_t count, bson_error_t *error) {
    bson_t filter, document;
    return bson_init_static(&filter, (const uint8_t *) selector, selector_count) &&
           bson_init_static(&document, (const uint8_t *) bytes, count) &&
           mongoc_bulk_operation_replace_one_with_opts(self->bulk, &filter, &document, &self->upsert, error);
}

/* An update document ({$set: …}) or pipeline ({"0": {…}}). */
static inline bool wherry_bulk_update(wherry_bulk_t *self, const void *selector, size_t selector_count,
                                      const void *bytes, size_t count, bool upsert, bson_error_t *error) {
    bson_t filter, document;
    return bson_init_static(&filter, (const uint8_t *) selector, selector_count) &&
           bson_init_static(&document, (const uint8_t *) bytes, count) &&
           mongoc_bulk_operation_update_one_with_opts(self->bulk, &filter, &document,
                                                      upsert ? &self->upsert : &self->plain, error);
}

static inline bool wherry_bulk_remove(wherry_bulk_t *self, const void *selector, size_t count, bson_error_t *error) {
    bson_t filter;
    return bson_init_static(&filter, (const uint8_t *) selector, count) &&
           mongoc_bulk_operation_remove_one_with_opts(self->bulk, &filter, NULL, error);
}

/* false on any error, write errors included: they are in the reply. */
static inline bool wherry_bulk_execute(wherry_bulk_t *self, wherry_reply_t *out, bson_error_t *error) {
    bson_t reply;
    bool done = mongoc_bulk_operation_execute(self->bulk, &reply, error) != 0;
    wherry_take_reply(&reply, out);
    return done;
}

/* bson_error_t's message is a C array, which Swift sees as a tuple. */
static inline const char *wherry_error_message(const bson_error_t *error) { return error->message; }

/* The library's own log goes nowhere: what matters comes back as errors. */
static inline void wherry_silence_log(void) { mongoc_log_set_handler(NULL, NULL); }

#endif
