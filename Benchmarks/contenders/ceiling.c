/* The sink's ceiling: how fast this machine's MongoDB takes ready-made documents from a program that builds a
 * batch, waits for it, and builds the next. What a replicator reaches is reported as a share of this.
 *
 *   ceiling seed URI N THREADS BATCH        N documents by unordered bulk inserts, outside of transactions
 *   ceiling SHAPE URI ROWS N BATCH          N operations on ROWS documents on one connection, each batch one majority
 *                                           transaction, grouped by kind
 *   ceiling stock SHAPE URI ROWS            only the documents that such a run begins with
 *
 * Of ten operations in the SHAPE
 *   mix      six are inserts, three replaces, one a delete, of the keys that churn() in rows.sql has
 *   hot      nine are replaces of 1,000 keys, one an insert, as churn_hot() does it; a key is written once a batch
 *   wide     eight set four fields of documents of 2.5 KB, one is an insert, one a delete, as in wide.sql
 *   tables   six are inserts, three replaces, one a delete, spread over 200 collections, as in tables.sql
 *
 * Works in the database `ceiling`, which `seed` and `stock` drop first. A run makes its stock by itself, unmeasured,
 * unless ROWS documents are there. Prints one JSON object: mode, operations, seconds, operations_per_second,
 * cpu_us_per_operation (this process only).
 */
#include <mongoc/mongoc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "documents.h"

enum { TABLES = 200, HOT_KEYS = 1000, MAX_THREADS = 64 };

/* What is done to which documents: of ten operations the kinds, by last digit. */
struct shape {
    const char *name, *kinds;
    int collections;
    bool is_hot, is_wide;
};

static const struct shape shapes[] = {
    { "mix", "IIUIIUIUID", 1, false, false },
    { "hot", "UUUUUUUUUI", 1, true, false },
    { "wide", "IUUUUUUUUD", 1, false, true },
    { "tables", "IIUIIUIUID", TABLES, false, false },
};

static void give_up(const char *doing, const bson_error_t *error)
{
    fprintf(stderr, "ceiling: %s: %s\n", doing, error->message);
    exit(69);
}

static double wall_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double cpu_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
        + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void build(const struct shape *shape, bson_t *row, int64_t id, int32_t revision)
{
    bson_reinit(row);
    if (shape->is_wide)
        build_wide_row(row, id);
    else if (shape->collections > 1)
        build_table_row(row, id, revision);
    else
        build_row(row, id, revision);
}

static mongoc_collection_t *collection_of(mongoc_client_t *client, int number)
{
    char name[16];
    snprintf(name, sizeof name, "rows%d", number);
    return mongoc_client_get_collection(client, "ceiling", name);
}

static void execute(mongoc_bulk_operation_t *bulk)
{
    bson_error_t error;
    bson_t reply;
    if (mongoc_bulk_operation_execute(bulk, &reply, &error) == 0)
        give_up("bulk write", &error);
    bson_destroy(&reply);
    mongoc_bulk_operation_destroy(bulk);
}

/* One thread's share of a seed: the batches `first`, `first + stride`, ... of documents with keys from 1. */
struct share {
    mongoc_client_pool_t *pool;
    const struct shape *shape;
    int collection;
    int64_t operations, first, stride, batch;
    pthread_t thread;
};

static void *insert_share(void *argument)
{
    const struct share *share = argument;
    mongoc_client_t *client = mongoc_client_pool_pop(share->pool);
    mongoc_collection_t *rows = collection_of(client, share->collection);
    bson_t row = BSON_INITIALIZER, options = BSON_INITIALIZER;
    BSON_APPEND_BOOL(&options, "ordered", false);
    int64_t stride = share->stride * share->batch;
    for (int64_t begin = share->first * share->batch; begin < share->operations; begin += stride) {
        int64_t end = begin + share->batch < share->operations ? begin + share->batch : share->operations;
        mongoc_bulk_operation_t *bulk = mongoc_collection_create_bulk_operation_with_opts(rows, &options);
        for (int64_t i = begin; i < end; i++) {
            build(share->shape, &row, 1 + i, 0);
            mongoc_bulk_operation_insert_with_opts(bulk, &row, NULL, NULL);
        }
        execute(bulk);
    }
    bson_destroy(&options);
    bson_destroy(&row);
    mongoc_collection_destroy(rows);
    mongoc_client_pool_push(share->pool, client);
    return NULL;
}

static void seed(mongoc_client_pool_t *pool, const struct shape *shape, int collection, int64_t operations, int threads,
    int64_t batch)
{
    struct share shares[MAX_THREADS];
    for (int i = 0; i < threads; i++) {
        shares[i] = (struct share){ pool, shape, collection, operations, i, threads, batch, 0 };
        pthread_create(&shares[i].thread, NULL, insert_share, &shares[i]);
    }
    for (int i = 0; i < threads; i++)
        pthread_join(shares[i].thread, NULL);
}

static void drop_database(mongoc_client_t *client)
{
    mongoc_database_t *database = mongoc_client_get_database(client, "ceiling");
    bson_error_t error;
    if (!mongoc_database_drop(database, &error))
        give_up("drop", &error);
    mongoc_database_destroy(database);
}

/* The documents a run begins with, the same count in each collection; then a checkpoint, so that none falls into what
 * is measured. */
static void make_stock(mongoc_client_pool_t *pool, const struct shape *shape, int64_t rows)
{
    mongoc_client_t *client = mongoc_client_pool_pop(pool);
    bson_error_t error;
    bson_t *command = BCON_NEW("fsync", BCON_INT32(1));
    drop_database(client);
    for (int i = 0; i < shape->collections; i++)
        seed(pool, shape, i, rows / shape->collections, 1, 5000);
    if (!mongoc_client_command_simple(client, "admin", command, NULL, NULL, &error))
        give_up("fsync", &error);
    bson_destroy(command);
    mongoc_client_pool_push(pool, client);
}

static bool has_stock(mongoc_client_pool_t *pool, const struct shape *shape, int64_t rows)
{
    mongoc_client_t *client = mongoc_client_pool_pop(pool);
    mongoc_collection_t *last = collection_of(client, shape->collections - 1);
    bson_error_t error;
    int64_t found = mongoc_collection_estimated_document_count(last, NULL, NULL, NULL, &error);
    mongoc_collection_destroy(last);
    mongoc_client_pool_push(pool, client);
    return found == rows / shape->collections;
}

enum kind { DELETE, REPLACE, INSERT, KINDS };

/* A run: the bulks of a batch, one a kind and collection, each of which is one command on the wire. */
struct run {
    const struct shape *shape;
    int64_t rows;
    mongoc_collection_t *collections[TABLES];
    mongoc_bulk_operation_t *bulks[TABLES][KINDS];
    /* By hot key: the batch that last wrote it. */
    int64_t written[HOT_KEYS];
    bson_t row, key, options;
};

/* How many of the operations before `i` are of the kind with that letter. */
static int64_t count_before(const char *kinds, char letter, int64_t i)
{
    int64_t all = 0, before = 0;
    for (int digit = 0; digit < 10; digit++)
        if (kinds[digit] == letter) {
            all++;
            before += digit < i % 10;
        }
    return i / 10 * all + before;
}

static mongoc_bulk_operation_t *bulk_of(struct run *run, int collection, enum kind kind)
{
    mongoc_bulk_operation_t **bulk = &run->bulks[collection][kind];
    if (!*bulk)
        *bulk = mongoc_collection_create_bulk_operation_with_opts(run->collections[collection], &run->options);
    return *bulk;
}

static void add_insert(struct run *run, int64_t i)
{
    int collection = (int)(scatter((uint64_t)i) % (uint64_t)run->shape->collections);
    int64_t id = run->shape->collections > 1 ? run->rows / run->shape->collections + 1 + i
                                             : run->rows + 1 + count_before(run->shape->kinds, 'I', i);
    build(run->shape, &run->row, id, -1);
    mongoc_bulk_operation_insert_with_opts(bulk_of(run, collection, INSERT), &run->row, NULL, NULL);
}

/* Of the older half, or of the hot keys. */
static void add_replace(struct run *run, int64_t i, int64_t batch)
{
    int collection = (int)(scatter((uint64_t)i) % (uint64_t)run->shape->collections);
    int64_t half = run->rows / run->shape->collections / 2;
    int64_t id = 1 + i * 48271 % half;
    if (run->shape->collections > 1)
        id = 1 + (int64_t)(scatter((uint64_t)~i) % (uint64_t)half);
    if (run->shape->is_hot) {
        int64_t hot = count_before(run->shape->kinds, 'U', i) * 48271 % HOT_KEYS;
        if (run->written[hot] == batch)
            return;
        run->written[hot] = batch;
        id = 1 + hot * (run->rows / HOT_KEYS);
    }
    bson_reinit(&run->key);
    BSON_APPEND_INT64(&run->key, "_id", id);
    mongoc_bulk_operation_t *bulk = bulk_of(run, collection, REPLACE);
    if (run->shape->is_wide) {
        bson_decimal128_t amount = { .low = (uint64_t)i, .high = 0x303c000000000000 };
        bson_t set;
        bson_reinit(&run->row);
        BSON_APPEND_DOCUMENT_BEGIN(&run->row, "$set", &set);
        BSON_APPEND_UTF8(&set, "status", "paid");
        BSON_APPEND_DECIMAL128(&set, "amount", &amount);
        append_note(&set, id);
        BSON_APPEND_DATE_TIME(&set, "updated_at", 1717200000000 + i);
        bson_append_document_end(&run->row, &set);
        mongoc_bulk_operation_update_one_with_opts(bulk, &run->key, &run->row, NULL, NULL);
    } else {
        build(run->shape, &run->row, id, (int32_t)(1 + i % 1000000));
        mongoc_bulk_operation_replace_one_with_opts(bulk, &run->key, &run->row, NULL, NULL);
    }
}

/* From the end of what there was. */
static void add_delete(struct run *run, int64_t i)
{
    int64_t gone = i / 10, collections = run->shape->collections;
    bson_reinit(&run->key);
    BSON_APPEND_INT64(&run->key, "_id", run->rows / collections - gone / collections);
    mongoc_bulk_operation_remove_one_with_opts(
        bulk_of(run, (int)(gone % collections), DELETE), &run->key, NULL, NULL);
}

static void write_batch(struct run *run, int64_t begin, int64_t end)
{
    for (int64_t i = begin; i < end; i++)
        switch (run->shape->kinds[i % 10]) {
        case 'I':
            add_insert(run, i);
            break;
        case 'U':
            add_replace(run, i, begin + 1);
            break;
        default:
            add_delete(run, i);
        }
    for (int collection = 0; collection < run->shape->collections; collection++)
        for (enum kind kind = DELETE; kind < KINDS; kind++)
            if (run->bulks[collection][kind]) {
                execute(run->bulks[collection][kind]);
                run->bulks[collection][kind] = NULL;
            }
}

static void write_all(mongoc_client_pool_t *pool, const struct shape *shape, int64_t rows, int64_t operations,
    int64_t batch)
{
    static struct run run;
    bson_error_t error;
    mongoc_client_t *client = mongoc_client_pool_pop(pool);
    mongoc_client_session_t *session = mongoc_client_start_session(client, NULL, &error);
    if (!session)
        give_up("session", &error);
    mongoc_write_concern_t *majority = mongoc_write_concern_new();
    mongoc_write_concern_set_wmajority(majority, 0);
    mongoc_transaction_opt_t *durable = mongoc_transaction_opts_new();
    mongoc_transaction_opts_set_write_concern(durable, majority);
    run.shape = shape;
    run.rows = rows;
    bson_init(&run.row);
    bson_init(&run.key);
    bson_init(&run.options);
    BSON_APPEND_BOOL(&run.options, "ordered", false);
    if (!mongoc_client_session_append(session, &run.options, &error))
        give_up("session", &error);
    for (int i = 0; i < shape->collections; i++)
        run.collections[i] = collection_of(client, i);
    for (int64_t begin = 0; begin < operations; begin += batch) {
        bson_t reply;
        if (!mongoc_client_session_start_transaction(session, durable, &error))
            give_up("begin", &error);
        write_batch(&run, begin, begin + batch < operations ? begin + batch : operations);
        if (!mongoc_client_session_commit_transaction(session, &reply, &error))
            give_up("commit", &error);
        bson_destroy(&reply);
    }
    for (int i = 0; i < shape->collections; i++)
        mongoc_collection_destroy(run.collections[i]);
    bson_destroy(&run.options);
    bson_destroy(&run.key);
    bson_destroy(&run.row);
    mongoc_transaction_opts_destroy(durable);
    mongoc_write_concern_destroy(majority);
    mongoc_client_session_destroy(session);
    mongoc_client_pool_push(pool, client);
}

static const struct shape *shape_named(const char *name)
{
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        if (strcmp(shapes[i].name, name) == 0)
            return &shapes[i];
    return NULL;
}

static int explain(void)
{
    fprintf(stderr,
        "usage: ceiling seed URI N THREADS BATCH | ceiling SHAPE URI ROWS N BATCH | ceiling stock SHAPE URI ROWS\n"
        "SHAPE mix, hot, wide or tables, N from 1, THREADS from 1 to %d, BATCH a multiple of ten, ROWS from 1000\n",
        MAX_THREADS);
    return 64;
}

int main(int count, char **words)
{
    bool stocking = count == 5 && strcmp(words[1], "stock") == 0, seeding = count == 6 && strcmp(words[1], "seed") == 0;
    if (count != 6 && !stocking)
        return explain();
    const struct shape *shape = seeding ? &shapes[0] : shape_named(words[stocking ? 2 : 1]);
    int64_t rows = atoll(words[stocking ? 4 : 3]), operations = seeding ? rows : atoll(words[4]);
    int64_t batch = stocking ? 10 : atoll(words[5]);
    int threads = seeding ? atoi(words[4]) : 1;
    if (!shape || operations < 1 || batch < 10 || batch % 10 != 0 || threads < 1 || threads > MAX_THREADS
        || (!seeding && rows < 1000))
        return explain();
    bson_error_t error;
    mongoc_init();
    mongoc_uri_t *uri = mongoc_uri_new_with_error(words[stocking ? 3 : 2], &error);
    if (!uri)
        give_up("URI", &error);
    mongoc_client_pool_t *pool = mongoc_client_pool_new(uri);
    if (seeding) {
        mongoc_client_t *client = mongoc_client_pool_pop(pool);
        drop_database(client);
        mongoc_client_pool_push(pool, client);
    } else if (stocking || !has_stock(pool, shape, rows))
        make_stock(pool, shape, rows);

    double wall = wall_seconds(), cpu = cpu_seconds();
    if (seeding)
        seed(pool, shape, 0, operations, threads, batch);
    else if (!stocking)
        write_all(pool, shape, rows, operations, batch);
    wall = wall_seconds() - wall;
    cpu = cpu_seconds() - cpu;
    if (!stocking)
        printf("{\"mode\": \"%s\", \"operations\": %lld, \"seconds\": %.3f, \"operations_per_second\": %.0f, "
               "\"cpu_us_per_operation\": %.2f}\n",
            words[1], (long long)operations, wall, (double)operations / wall, cpu * 1e6 / (double)operations);

    mongoc_client_pool_destroy(pool);
    mongoc_uri_destroy(uri);
    mongoc_cleanup();
    return 0;
}
