/* The sink's ceiling: how fast this machine's MongoDB takes ready-made documents written the cheapest way it allows.
 * What Wherry reaches is reported as a share of this.
 *
 *   ceiling seed URI N THREADS BATCH    N documents by unordered bulk inserts, outside of transactions
 *   ceiling mix URI N BATCH             N operations on one connection, each batch one majority transaction: of ten
 *                                       operations six inserts, three replaces, one delete, grouped by kind
 *
 * Works in the collection ceiling.rows, which it drops first. Prints one JSON object: mode, operations, seconds,
 * operations_per_second, cpu_us_per_operation (this process only).
 */
#include <mongoc/mongoc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { STOCK = 300000, REPLACED = STOCK / 2, FIRST_NEW = 100000000, MAX_THREADS = 64 };

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

/* A row of the benchmark's table as a document of about 400 bytes, built over `row`, which keeps its memory. */
static void build_row(bson_t *row, int64_t id, int32_t revision)
{
    static const char digest[] = "d41d8cd98f00b204e9800998ecf8427e";
    bson_decimal128_t amount = { .low = 1234567 + (uint64_t)(id % 1000), .high = 0x303c000000000000 };
    bson_t payload;
    bson_reinit(row);
    BSON_APPEND_INT64(row, "_id", id);
    BSON_APPEND_INT32(row, "customer_id", (int32_t)(id * 7919 % 200000));
    BSON_APPEND_UTF8(row, "status", revision > 0 ? "paid" : "new");
    BSON_APPEND_DECIMAL128(row, "amount", &amount);
    BSON_APPEND_UTF8(row, "note", "note d41d8cd98f00b204e9800998ecf8427e customer asked for d41d8cd98f00b204e9800998ecf8427e");
    BSON_APPEND_DOCUMENT_BEGIN(row, "payload", &payload);
    BSON_APPEND_UTF8(&payload, "sku", "SKU-54321");
    BSON_APPEND_INT32(&payload, "qty", revision);
    BSON_APPEND_UTF8(&payload, "ref", digest);
    BSON_APPEND_UTF8(&payload, "city", "City123");
    BSON_APPEND_DOUBLE(&payload, "lat", 52.25);
    BSON_APPEND_DOUBLE(&payload, "lon", 13.5);
    BSON_APPEND_BOOL(&payload, "gift", id % 5 == 0);
    bson_append_document_end(row, &payload);
    BSON_APPEND_DATE_TIME(row, "created_at", 1704067200000 + id * 13);
    BSON_APPEND_DATE_TIME(row, "updated_at", 1717200000000 + id * 17 + revision);
    BSON_APPEND_BOOL(row, "flags", id % 3 == 0);
}

static mongoc_collection_t *rows_of(mongoc_client_t *client)
{
    return mongoc_client_get_collection(client, "ceiling", "rows");
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

/* One thread's share of a seed: the batches `first`, `first + stride`, ... */
struct share {
    mongoc_client_pool_t *pool;
    int64_t operations, first, stride, batch;
    pthread_t thread;
};

static void *insert_share(void *argument)
{
    const struct share *share = argument;
    mongoc_client_t *client = mongoc_client_pool_pop(share->pool);
    mongoc_collection_t *rows = rows_of(client);
    bson_t row = BSON_INITIALIZER, options = BSON_INITIALIZER;
    BSON_APPEND_BOOL(&options, "ordered", false);
    for (int64_t begin = share->first * share->batch; begin < share->operations; begin += share->stride * share->batch) {
        int64_t end = begin + share->batch < share->operations ? begin + share->batch : share->operations;
        mongoc_bulk_operation_t *bulk = mongoc_collection_create_bulk_operation_with_opts(rows, &options);
        for (int64_t id = begin; id < end; id++) {
            build_row(&row, id, 0);
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

static void seed(mongoc_client_pool_t *pool, int64_t operations, int threads, int64_t batch)
{
    struct share shares[MAX_THREADS];
    for (int i = 0; i < threads; i++) {
        shares[i] = (struct share){ pool, operations, i, threads, batch, 0 };
        pthread_create(&shares[i].thread, NULL, insert_share, &shares[i]);
    }
    for (int i = 0; i < threads; i++)
        pthread_join(shares[i].thread, NULL);
}

enum kind { DELETE, REPLACE, INSERT };

/* Adds operation `i` of the mix. Replaces hit the first half of the stock, deletes walk through the second. */
static void add_operation(mongoc_bulk_operation_t *bulk, bson_t *row, bson_t *key, enum kind kind, int64_t i)
{
    int64_t tenth = i / 10;
    bson_reinit(key);
    switch (kind) {
    case INSERT:
        build_row(row, FIRST_NEW + tenth * 6 + i % 10, 0);
        mongoc_bulk_operation_insert_with_opts(bulk, row, NULL, NULL);
        break;
    case REPLACE: {
        int64_t id = i * 48271 % REPLACED;
        BSON_APPEND_INT64(key, "_id", id);
        build_row(row, id, (int32_t)(1 + i % 1000000));
        mongoc_bulk_operation_replace_one_with_opts(bulk, key, row, NULL, NULL);
        break;
    }
    case DELETE:
        BSON_APPEND_INT64(key, "_id", REPLACED + tenth);
        mongoc_bulk_operation_remove_one_with_opts(bulk, key, NULL, NULL);
        break;
    }
}

static void mix_batch(mongoc_collection_t *rows, const bson_t *options, bson_t *row, bson_t *key, int64_t begin, int64_t end)
{
    /* From, to: the last digits of the operations of each kind. One bulk a kind is one command on the wire. */
    static const int digits[][2] = { [DELETE] = { 9, 10 }, [REPLACE] = { 6, 9 }, [INSERT] = { 0, 6 } };
    for (enum kind kind = DELETE; kind <= INSERT; kind++) {
        mongoc_bulk_operation_t *bulk = mongoc_collection_create_bulk_operation_with_opts(rows, options);
        for (int64_t i = begin; i < end; i++)
            if (i % 10 >= digits[kind][0] && i % 10 < digits[kind][1])
                add_operation(bulk, row, key, kind, i);
        execute(bulk);
    }
}

static void mix(mongoc_client_pool_t *pool, int64_t operations, int64_t batch)
{
    bson_error_t error;
    mongoc_client_t *client = mongoc_client_pool_pop(pool);
    mongoc_collection_t *rows = rows_of(client);
    mongoc_client_session_t *session = mongoc_client_start_session(client, NULL, &error);
    if (!session)
        give_up("session", &error);
    mongoc_write_concern_t *majority = mongoc_write_concern_new();
    mongoc_write_concern_set_wmajority(majority, 0);
    mongoc_transaction_opt_t *durable = mongoc_transaction_opts_new();
    mongoc_transaction_opts_set_write_concern(durable, majority);
    bson_t row = BSON_INITIALIZER, key = BSON_INITIALIZER, options = BSON_INITIALIZER;
    BSON_APPEND_BOOL(&options, "ordered", false);
    if (!mongoc_client_session_append(session, &options, &error))
        give_up("session", &error);
    for (int64_t begin = 0; begin < operations; begin += batch) {
        bson_t reply;
        if (!mongoc_client_session_start_transaction(session, durable, &error))
            give_up("begin", &error);
        mix_batch(rows, &options, &row, &key, begin, begin + batch < operations ? begin + batch : operations);
        if (!mongoc_client_session_commit_transaction(session, &reply, &error))
            give_up("commit", &error);
        bson_destroy(&reply);
    }
    bson_destroy(&options);
    bson_destroy(&key);
    bson_destroy(&row);
    mongoc_transaction_opts_destroy(durable);
    mongoc_write_concern_destroy(majority);
    mongoc_client_session_destroy(session);
    mongoc_collection_destroy(rows);
    mongoc_client_pool_push(pool, client);
}

static void drop_rows(mongoc_client_pool_t *pool)
{
    mongoc_client_t *client = mongoc_client_pool_pop(pool);
    mongoc_collection_t *rows = rows_of(client);
    mongoc_collection_drop(rows, NULL);
    mongoc_collection_destroy(rows);
    mongoc_client_pool_push(pool, client);
}

int main(int count, char **words)
{
    bool seeding = count == 6 && strcmp(words[1], "seed") == 0;
    if (!seeding && !(count == 5 && strcmp(words[1], "mix") == 0)) {
        fprintf(stderr, "usage: ceiling seed URI N THREADS BATCH | ceiling mix URI N BATCH\n");
        return 64;
    }
    int64_t operations = atoll(words[3]), batch = atoll(words[count - 1]);
    int threads = seeding ? atoi(words[4]) : 1;
    if (operations < 1 || batch < 10 || batch % 10 != 0 || threads < 1 || threads > MAX_THREADS) {
        fprintf(stderr, "ceiling: N from 1, THREADS from 1 to %d, BATCH a multiple of ten\n", MAX_THREADS);
        return 64;
    }
    bson_error_t error;
    mongoc_init();
    mongoc_uri_t *uri = mongoc_uri_new_with_error(words[2], &error);
    if (!uri)
        give_up("URI", &error);
    mongoc_client_pool_t *pool = mongoc_client_pool_new(uri);
    drop_rows(pool);
    if (!seeding)
        seed(pool, STOCK, 1, 5000);

    double wall = wall_seconds(), cpu = cpu_seconds();
    if (seeding)
        seed(pool, operations, threads, batch);
    else
        mix(pool, operations, batch);
    wall = wall_seconds() - wall;
    cpu = cpu_seconds() - cpu;
    printf("{\"mode\": \"%s\", \"operations\": %lld, \"seconds\": %.3f, \"operations_per_second\": %.0f, "
           "\"cpu_us_per_operation\": %.2f}\n",
        words[1], (long long)operations, wall, (double)operations / wall, cpu * 1e6 / (double)operations);

    mongoc_client_pool_destroy(pool);
    mongoc_uri_destroy(uri);
    mongoc_cleanup();
    return 0;
}
