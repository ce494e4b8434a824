/* The documents that Wherry makes of rows.sql, wide.sql and tables.sql, field by field and of the same size; where the
 * rows have MD5 sums there are other digits here that compress as little. */
#ifndef BENCHMARK_DOCUMENTS_H
#define BENCHMARK_DOCUMENTS_H

#include <bson/bson.h>
#include <string.h>

/* The numbers that stand for random ones ("splitmix64"). */
static uint64_t scatter(uint64_t number)
{
    number = (number + 0x9e3779b97f4a7c15) * 0xbf58476d1ce4e5b9;
    number = (number ^ number >> 27) * 0x94d049bb133111eb;
    return number ^ number >> 31;
}

/* Writes 32 hexadecimal digits that stand for an MD5 sum. */
static void write_sum(char *to, int64_t of)
{
    for (int half = 0; half < 2; half++)
        for (uint64_t number = scatter((uint64_t)of * 2 + (uint64_t)half), digit = 0; digit < 16; digit++, number >>= 4)
            *to++ = "0123456789abcdef"[number & 15];
}

static void append_sum(bson_t *document, const char *key, int64_t of)
{
    char sum[32];
    write_sum(sum, of);
    bson_append_utf8(document, key, -1, sum, sizeof sum);
}

/* A text of a few letters and a number of at least so many digits (snprintf would be half of what a document costs). */
static void append_text(bson_t *document, const char *key, const char *letters, int64_t number, int digits)
{
    char text[32], *begin = text + sizeof text;
    for (; number > 0 || digits > 0; number /= 10, digits--)
        *--begin = (char)('0' + number % 10);
    for (size_t count = strlen(letters); count > 0; count--)
        *--begin = letters[count - 1];
    bson_append_utf8(document, key, -1, begin, (int)(text + sizeof text - begin));
}

/* numeric(12, 2). */
static void append_amount(bson_t *document, int64_t hundredths)
{
    bson_decimal128_t amount = { .low = (uint64_t)hundredths, .high = 0x303c000000000000 };
    BSON_APPEND_DECIMAL128(document, "amount", &amount);
}

static void append_note(bson_t *row, int64_t id)
{
    char note[] = "note 0123456789abcdef0123456789abcdef";
    write_sum(note + 5, id);
    BSON_APPEND_UTF8(row, "note", note);
}

/* As jsonb prints a double, and Wherry reads it: a whole number is no double. */
static void append_number(bson_t *list, const char *key, double number)
{
    if (number == (double)(int32_t)number)
        BSON_APPEND_INT32(list, key, (int32_t)number);
    else
        BSON_APPEND_DOUBLE(list, key, number);
}

static void append_payload(bson_t *row, int64_t id)
{
    bson_t payload, ship, list;
    BSON_APPEND_DOCUMENT_BEGIN(row, "payload", &payload);
    BSON_APPEND_INT32(&payload, "qty", (int32_t)(id % 7 + 1));
    append_sum(&payload, "ref", id);
    append_text(&payload, "sku", "SKU-", id % 99991, 1);
    BSON_APPEND_BOOL(&payload, "gift", id % 5 == 0);
    BSON_APPEND_DOCUMENT_BEGIN(&payload, "ship", &ship);
    BSON_APPEND_ARRAY_BEGIN(&ship, "geo", &list);
    append_number(&list, "0", (double)(id % 180) / 1.7);
    append_number(&list, "1", (double)(id % 90) / 1.3);
    bson_append_array_end(&ship, &list);
    append_text(&ship, "zip", "", id % 100000, 5);
    append_text(&ship, "city", "City", id % 1000, 1);
    bson_append_document_end(&payload, &ship);
    BSON_APPEND_ARRAY_BEGIN(&payload, "tags", &list);
    BSON_APPEND_UTF8(&list, "0", "red");
    BSON_APPEND_UTF8(&list, "1", "fast");
    append_text(&list, "2", "t", id % 50, 1);
    bson_append_array_end(&payload, &list);
    bson_append_document_end(row, &payload);
}

/* A row of rows.sql, changed `revision` times; -1 of one that a change inserts. */
static void build_row(bson_t *row, int64_t id, int32_t revision)
{
    static const char *const status[] = { "new", "paid", "packed", "shipped", "done" };
    char note[] = "note 0123456789abcdef0123456789abcdef customer asked for 0123456789abcdef0123456789abcdef";
    write_sum(note + 5, id);
    write_sum(note + sizeof note - 33, id * 7);
    BSON_APPEND_INT64(row, "_id", id);
    BSON_APPEND_INT32(row, "customer_id", (int32_t)(id * 7919 % 200000));
    BSON_APPEND_UTF8(row, "status", status[revision > 0 ? 1 : revision < 0 ? 0 : id % 5]);
    append_amount(row, id * 37 % 9999999 + (revision > 0 ? 100L * revision : 0));
    BSON_APPEND_UTF8(row, "note", note);
    append_payload(row, id);
    BSON_APPEND_DATE_TIME(row, "created_at", 1704067200000 + id * 13000);
    BSON_APPEND_DATE_TIME(row, "updated_at", 1717200000000 + id * 17003 + revision);
    BSON_APPEND_BOOL(row, "flags", id % 3 == 0);
}

/* A row of wide.sql: about 2.5 KB. */
static void build_wide_row(bson_t *row, int64_t id)
{
    char text[70 * 32 + 1] = "";
    bson_t document;
    for (int part = 0; part < 70; part++)
        write_sum(text + part * 32, id * 70 + part);
    BSON_APPEND_INT64(row, "_id", id);
    BSON_APPEND_UTF8(row, "status", "new");
    append_amount(row, id * 37 % 9999999);
    append_note(row, id);
    BSON_APPEND_DOCUMENT_BEGIN(row, "document", &document);
    BSON_APPEND_UTF8(&document, "text", text);
    BSON_APPEND_INT32(&document, "number", (int32_t)id);
    bson_append_document_end(row, &document);
    BSON_APPEND_DATE_TIME(row, "updated_at", 1717200000000 + id * 17);
}

/* A row of tables.sql, changed `revision` times; -1 as above. */
static void build_table_row(bson_t *row, int64_t id, int32_t revision)
{
    bson_t payload;
    BSON_APPEND_INT64(row, "_id", id);
    BSON_APPEND_INT32(row, "customer_id", (int32_t)(id * 7919 % 200000));
    BSON_APPEND_UTF8(row, "status", revision > 0 ? "paid" : "new");
    append_amount(row, id * 37 % 9999999 + (revision > 0 ? 100L * revision : 0));
    append_note(row, id);
    BSON_APPEND_DOCUMENT_BEGIN(row, "payload", &payload);
    BSON_APPEND_INT32(&payload, "qty", (int32_t)(id % 7));
    append_sum(&payload, "ref", id);
    append_text(&payload, "sku", "SKU-", id % 99991, 1);
    bson_append_document_end(row, &payload);
    BSON_APPEND_DATE_TIME(row, "updated_at", 1717200000000 + id * 17 + revision);
}

#endif
