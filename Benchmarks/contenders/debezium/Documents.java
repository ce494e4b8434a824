import java.math.BigDecimal;
import java.time.OffsetDateTime;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.Struct;
import org.bson.BsonBoolean;
import org.bson.BsonDateTime;
import org.bson.BsonDecimal128;
import org.bson.BsonDocument;
import org.bson.BsonDouble;
import org.bson.BsonInt32;
import org.bson.BsonInt64;
import org.bson.BsonNull;
import org.bson.BsonString;
import org.bson.BsonValue;
import org.bson.types.Decimal128;

/** Rows as typed documents, for the types of the benchmark's tables. */
final class Documents {
    /** What Debezium has in place of a large value that an update doesn't touch. */
    private static final String UNAVAILABLE = "__debezium_unavailable_value";

    static boolean leavesOut(Struct row) {
        for (Field field : row.schema().fields()) if (UNAVAILABLE.equals(row.get(field))) return true;
        return false;
    }

    static BsonDocument of(Struct row, long id) {
        BsonDocument document = new BsonDocument("_id", new BsonInt64(id));
        for (Field field : row.schema().fields()) {
            Object value = row.get(field);
            if (!field.name().equals("id") && !UNAVAILABLE.equals(value)) {
                document.put(field.name(), value(value, field.schema()));
            }
        }
        return document;
    }

    private static BsonValue value(Object value, Schema schema) {
        if (value == null) return BsonNull.VALUE;
        if (value instanceof String text) {
            return switch (schema.name() == null ? "" : schema.name()) {
                case "io.debezium.data.Json" -> BsonDocument.parse("{\"value\":" + text + "}").get("value");
                case "io.debezium.time.ZonedTimestamp" ->
                        new BsonDateTime(OffsetDateTime.parse(text).toInstant().toEpochMilli());
                default -> new BsonString(text);
            };
        }
        if (value instanceof Long number) return new BsonInt64(number);
        if (value instanceof Integer number) return new BsonInt32(number);
        if (value instanceof Boolean flag) return BsonBoolean.valueOf(flag);
        if (value instanceof BigDecimal number) return new BsonDecimal128(new Decimal128(number));
        if (value instanceof Double number) return new BsonDouble(number);
        throw new IllegalArgumentException("no document type for " + value.getClass());
    }

    private Documents() {}
}
